import type { DockerClient } from "../../host/docker/client.ts";
import { DockerError } from "../../host/docker/error.ts";
import { storedValues } from "../../host/kv/stores.ts";
import { isTaken, poolFolder } from "../../overlay/stale/address-pool.ts";
import type { StoredEndpoint } from "../../overlay/stale/endpoint.ts";
import { errorText } from "../error-text.ts";
import { readNetworkEndpoints } from "./cluster.ts";

/** What became of one endpoint; `left`: on purpose, nothing was done. */
export interface Freed {
  readonly result: "freed" | "left" | "failed";
  readonly sentence: string;
}

/**
 * Takes one endpoint out of the cluster, through this host's engine, and reads again that it is gone. Never rejects with what
 * an engine or a store may answer.
 */
export async function free(
  endpoint: StoredEndpoint,
  store: string,
  client: DockerClient,
  signal: AbortSignal,
): Promise<Freed> {
  try {
    const objection = await objectionTo(endpoint, store, client, signal);
    if (objection !== undefined) return { result: "left", sentence: objection };
    const complaint = await disconnect(endpoint, client, signal);
    const seen = await verified(endpoint, store, signal);
    if (complaint === undefined || seen.result === "freed") return seen;
    return { ...seen, sentence: `${seen.sentence}: ${complaint}` };
  } catch (error) {
    return { result: "failed", sentence: errorText(error) };
  }
}

/** What the engine says against it: the store tells what was done all the same. */
async function disconnect(
  { networkId, name }: StoredEndpoint,
  client: DockerClient,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const body = { Container: name, Force: true };
    await client.request("POST", `/networks/${networkId}/disconnect`, body, { signal, timeoutMs: 30_000 });
    return undefined;
  } catch (error) {
    return errorText(error);
  }
}

/** Why this endpoint is not to be touched, as the store and the engine have it now. */
export async function objectionTo(
  endpoint: StoredEndpoint,
  store: string,
  client: DockerClient,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { endpoints } = await readNetworkEndpoints(store, endpoint.networkId, signal);
  const found = endpoints.find(({ id }) => id === endpoint.id);
  if (found === undefined || found.locator !== endpoint.locator || found.ip !== endpoint.ip)
    return "the store does not have it any more as it was looked at";
  // The engine finds it by its name alone.
  if (endpoints.filter(({ name }) => name === endpoint.name).length > 1)
    return "another endpoint of the network has the same name, and the engine would choose";
  if (endpoints.filter(({ ip }) => ip === endpoint.ip).length > 1)
    return "another endpoint of the network has the same address, which would be given away under it";
  if (await isContainerHere(endpoint.name, client, signal))
    return `a container of this host is called ${endpoint.name}: the engine would disconnect that one; \`docker rename\` it for the time being`;
  return undefined;
}

/** By the engine's own rule: a name, an id, or how an id begins. */
async function isContainerHere(name: string, client: DockerClient, signal: AbortSignal): Promise<boolean> {
  try {
    await client.get(`/containers/${encodeURIComponent(name)}/json`, { signal });
    return true;
  } catch (error) {
    if (error instanceof DockerError && error.status === 404) return false;
    throw error;
  }
}

async function verified(
  { networkId, id, name, ip, pool }: StoredEndpoint,
  store: string,
  signal: AbortSignal,
): Promise<Freed> {
  const { endpoints } = await readNetworkEndpoints(store, networkId, signal);
  if (endpoints.some((one) => one.id === id)) return { result: "failed", sentence: "the store still has it" };
  if (endpoints.some((one) => one.name === name))
    return { result: "failed", sentence: `the name ${name} is still taken` };
  const folder = poolFolder(pool);
  const [value] = folder === undefined ? [] : await storedValues(store, folder, signal);
  const taken = value === undefined ? undefined : isTaken(value.value, pool, ip);
  if (taken === true) return { result: "failed", sentence: `${ip} is still taken in the pool ${pool}` };
  const address = taken === false ? `${ip} are free` : `${ip} are free of it (its pool can not be read)`;
  return { result: "freed", sentence: `gone from the store; the name ${name} and the address ${address}` };
}
