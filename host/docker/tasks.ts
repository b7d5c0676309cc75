import { items, members, part, text } from "./field.ts";

/** An endpoint of a swarm's network on whatever node, by the node's own copy of the network database. */
export interface NetworkTask {
  readonly name: string;
  readonly ip: string;
  /** The data path address of its node; empty where the answer does not tell. */
  readonly hostIp: string;
}

/** `GET /networks/ID?verbose=true`, on managers and workers. Throws `UnexpectedAnswer`, which names the field. */
export function readNetworkTasks(answer: unknown): readonly NetworkTask[] {
  return members(part({ at: "", value: answer }, "Services")).flatMap(([, service]) =>
    items(part(service, "Tasks")).map((task) => ({
      name: text(part(task, "Name")),
      ip: text(part(task, "EndpointIP")),
      hostIp: text(part(task, "Info", "Host IP")),
    })),
  );
}
