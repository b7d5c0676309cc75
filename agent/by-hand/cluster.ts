import type { DockerClient } from "../../host/docker/client.ts";
import { readContainer, readContainerIds } from "../../host/docker/container.ts";
import { garbageError } from "../../host/docker/error.ts";
import { engineInfo } from "../../host/docker/info.ts";
import type { Container, Network } from "../../host/docker/inventory.ts";
import { readNetworks } from "../../host/docker/network.ts";
import { storedValues } from "../../host/kv/stores.ts";
import { withoutPort } from "../../overlay/engine-facts.ts";
import { readEndpoints, type StoredEndpoint, type StoredEndpoints } from "../../overlay/stale/endpoint.ts";
import { endpointsFolder } from "../../overlay/truth/classic.ts";
import { messageOf } from "../../host/thrown.ts";
import { Refused } from "./outcome.ts";

/** This host in a cluster over a key-value store, as its engine has it. */
export interface Cluster {
  readonly store: string;
  /** `ADDRESS:PORT` that this engine advertises. */
  readonly advertised: string;
  readonly ownVtep: string;
  readonly networks: readonly Network[];
  /** Of this host, running. */
  readonly containers: readonly Container[];
}

/** Rejects with a `DockerError`, with `Refused` where this is no such cluster, or with the signal's reason. */
export async function readCluster(client: DockerClient, signal: AbortSignal): Promise<Cluster> {
  const { clusterStore: store, clusterAdvertise: advertised } = await engineInfo(client, signal);
  if (store === "" || advertised === "") {
    const why =
      "this engine has no cluster store: only classic overlays (--cluster-store, up to 20.10) have such endpoints";
    throw new Refused("classic", why);
  }
  const networks = await asked(client, "/networks", readNetworks, signal);
  return {
    store,
    advertised,
    ownVtep: withoutPort(advertised),
    networks: networks.filter(({ driver, scope }) => driver === "overlay" && scope === "global"),
    containers: await runningContainers(client, signal),
  };
}

async function runningContainers(client: DockerClient, signal: AbortSignal): Promise<readonly Container[]> {
  const ids = await asked(client, "/containers/json", readContainerIds, signal);
  const all: Container[] = [];
  for (const id of ids) {
    const container = await asked(client, `/containers/${id}/json`, readContainer, signal);
    if (container !== undefined) all.push(container);
  }
  return all;
}

/** What is no answer of the API's is a `DockerError` too. */
export async function asked<T>(
  client: DockerClient,
  path: string,
  read: (answer: unknown) => T,
  signal: AbortSignal,
): Promise<T> {
  const answer = await client.get(path, { signal });
  try {
    return read(answer);
  } catch (cause) {
    const detail = messageOf(cause);
    throw garbageError({ ...client, method: "GET", path }, detail, cause);
  }
}

/** What the store has at one moment. */
export interface Stored {
  /** `ADDRESS:PORT` of every engine that has renewed its key within the last minute. */
  readonly nodes: readonly string[];
  readonly endpoints: readonly StoredEndpoint[];
  /** By network: values that are no endpoint. */
  readonly doubts: ReadonlyMap<string, number>;
}

/** Rejects with a `StoreError`: also where the store has lost its majority, as it is asked for what that agrees on. */
export async function readStored({ store, networks }: Cluster, signal: AbortSignal): Promise<Stored> {
  const nodes = await storedValues(store, "docker/nodes", signal);
  const found: StoredEndpoints[] = [];
  for (const { id } of networks) found.push(await readNetworkEndpoints(store, id, signal));
  return {
    nodes: nodes.map(({ value }) => value),
    endpoints: found.flatMap(({ endpoints }) => endpoints),
    doubts: new Map(networks.map(({ id }, at) => [id, found[at]?.doubts ?? 0])),
  };
}

export async function readNetworkEndpoints(
  store: string,
  networkId: string,
  signal: AbortSignal,
): Promise<StoredEndpoints> {
  return readEndpoints(networkId, await storedValues(store, endpointsFolder(networkId), signal));
}

/** Whose endpoints are there though nobody renews the key of the node; this host's never. */
export function silentLocators({ ownVtep }: Cluster, { nodes, endpoints }: Stored): readonly string[] {
  const fresh = new Set(nodes.map(withoutPort));
  const locators = new Set(endpoints.map(({ locator }) => locator));
  return [...locators].filter((one) => one !== ownVtep && !fresh.has(one)).toSorted();
}
