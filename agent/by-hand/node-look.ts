import { setTimeout as sleep } from "node:timers/promises";
import { printable } from "../../host/iproute2/error.ts";
import type { DockerClient } from "../../host/docker/client.ts";
import type { StoredEndpoint } from "../../overlay/stale/endpoint.ts";
import { type Statement, type Verdict, verdictOf } from "../../overlay/stale/verdict.ts";
import { type Cluster, readCluster, readStored, silentLocators, type Stored } from "./cluster.ts";
import { Refused } from "./outcome.ts";
import { type Standpoint, witnesses } from "./witnesses.ts";

/** A node with what is known of it, at one moment. */
export interface NodeLook {
  readonly node: string;
  readonly verdict: Verdict;
  readonly statements: readonly Statement[];
  readonly endpoints: readonly StoredEndpoint[];
}

export interface ClusterLook {
  readonly cluster: Cluster;
  readonly stored: Stored;
  readonly nodes: readonly NodeLook[];
}

export interface Looking {
  readonly client: DockerClient;
  readonly from: Standpoint;
  /** The one that was named; without, all whose key has run out. */
  readonly node: string | undefined;
  readonly signal: AbortSignal;
}

/** One look at the store and at every node that is asked about. */
export async function lookOnce({ client, from, node, signal }: Looking): Promise<ClusterLook> {
  const cluster = await readCluster(client, signal);
  if (node === cluster.ownVtep) throw new Refused("self", `${node} is this very host`);
  const stored = await readStored(cluster, signal);
  const nodes: NodeLook[] = [];
  for (const one of node === undefined ? silentLocators(cluster, stored) : [node]) {
    const statements = await witnesses(one, cluster, stored, from, signal);
    const endpoints = stored.endpoints.filter(({ locator }) => locator === one);
    nodes.push({ node: one, verdict: verdictOf(statements), statements, endpoints });
  }
  return { cluster, stored, nodes };
}

const apartMs = 10_000;

/** Dead is believed where it is the same twice, 10 s apart; anything else ends it at once. */
export async function lookTwice(looking: Looking): Promise<ClusterLook> {
  const first = await lookOnce(looking);
  if (!first.nodes.some(({ verdict, endpoints }) => verdict === "dead" && endpoints.length > 0)) return first;
  await sleep(apartMs, undefined, { signal: looking.signal });
  return agreeing(first, await lookOnce(looking));
}

/** Throws `Refused` where the later look shows something else. */
export function agreeing(first: ClusterLook, second: ClusterLook): ClusterLook {
  const [before, after] = [first.nodes.map(tellingOf), second.nodes.map(tellingOf)];
  const changed = [...before, ...after].find((one) => !before.includes(one) || !after.includes(one));
  if (changed === undefined) return second;
  throw new Refused(
    "flips",
    `two looks do not agree: ${printable(changed)} was seen only once; try again when the cluster rests`,
  );
}

const tellingOf = ({ node, verdict, endpoints }: NodeLook): string =>
  `${node} ${verdict} with ${
    endpoints
      .map(({ id, name, ip }) => `${name} ${ip} ${id.slice(0, 12)}`)
      .toSorted()
      .join(", ") || "no endpoint"
  }`;
