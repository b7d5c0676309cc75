import { asked } from "./answer.ts";
import type { DockerClient } from "./client.ts";
import { items, members, part, text } from "./field.ts";

/** An endpoint of a swarm's network on whatever node, by the node's own copy of the network database. */
export interface NetworkTask {
  /** Of the endpoint: another one after each start. */
  readonly endpoint: string;
  readonly name: string;
  readonly ip: string;
  /** The data path address of its node; empty where the answer does not tell. */
  readonly hostIp: string;
}

/** `GET /networks/ID?verbose=true`, on managers and workers. Throws `UnexpectedAnswer`, which names the field. */
export function readNetworkTasks(answer: unknown): readonly NetworkTask[] {
  return members(part({ at: "", value: answer }, "Services")).flatMap(([, service]) =>
    items(part(service, "Tasks")).map((task) => ({
      endpoint: text(part(task, "EndpointID")),
      name: text(part(task, "Name")),
      ip: text(part(task, "EndpointIP")),
      hostIp: text(part(task, "Info", "Host IP")),
    })),
  );
}

/** Asks for them now. Rejects with a `DockerError`, or the signal's reason. */
export async function networkTasks(
  client: Pick<DockerClient, "get" | "socketPath">,
  networkId: string,
  signal: AbortSignal,
): Promise<readonly NetworkTask[]> {
  return asked(client, `/networks/${networkId}?verbose=true`, readNetworkTasks, signal);
}
