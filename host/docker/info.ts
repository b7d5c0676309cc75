import { asked } from "./answer.ts";
import { type DockerClient } from "./client.ts";
import { part, text } from "./field.ts";

/** What an engine says of itself; empty texts where it does not. */
export interface EngineInfo {
  readonly name: string;
  readonly version: string;
  /** Where the key-value store of classic overlays is, and the address that the engine gives to it (up to 20.10). */
  readonly clusterStore: string;
  readonly clusterAdvertise: string;
  /** `inactive`, `pending`, `active`, `locked` or `error`. */
  readonly swarmState: string;
  /** The address that this node has in its swarm. */
  readonly swarmAddress: string;
}

/** Rejects with a `DockerError`, or the signal's reason. */
export async function engineInfo(client: DockerClient, signal: AbortSignal): Promise<EngineInfo> {
  return asked(client, "/info", readInfo, signal);
}

/** `GET /info`. Throws `UnexpectedAnswer`, which names the field. */
export function readInfo(answer: unknown): EngineInfo {
  const of = (...keys: string[]): string => text(part({ at: "", value: answer }, ...keys));
  return {
    name: of("Name"),
    version: of("ServerVersion"),
    clusterStore: of("ClusterStore"),
    clusterAdvertise: of("ClusterAdvertise"),
    swarmState: of("Swarm", "LocalNodeState"),
    swarmAddress: of("Swarm", "NodeAddr"),
  };
}
