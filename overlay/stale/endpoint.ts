import { parseIpv4 } from "../../host/ipv4.ts";
import type { StoredValue } from "../../host/kv/store.ts";
import { inside, rowIn, textOf } from "../rows.ts";

/** An endpoint as the cluster store of a classic overlay has it, joined or not: either way its name and address are taken. */
export interface StoredEndpoint {
  readonly networkId: string;
  readonly id: string;
  readonly name: string;
  readonly ip: string;
  readonly mac: string;
  /** The address that its host advertises. */
  readonly locator: string;
  /** The pool that its address is of, such as `GlobalDefault/10.0.0.0/24`. */
  readonly pool: string;
}

export interface StoredEndpoints {
  readonly endpoints: readonly StoredEndpoint[];
  /** Values that are no endpoint as the engine writes one: nothing is believed of their network. */
  readonly doubts: number;
}

export function readEndpoints(networkId: string, entries: readonly StoredValue[]): StoredEndpoints {
  const read = entries.map(({ value }) => readEndpoint(networkId, value));
  const endpoints = read.filter((one) => one !== undefined);
  return { endpoints, doubts: read.length - endpoints.length };
}

/** The engine's own rule for names of containers: it also keeps control characters and paths out of what is sent to it. */
const nameRule = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

function readEndpoint(networkId: string, value: string): StoredEndpoint | undefined {
  const endpoint = rowIn(value);
  const iface = inside(endpoint, "ep_iface");
  const [id, name, locator] = [text(endpoint["id"]), text(endpoint["name"]), text(endpoint["locator"])];
  const [ip = ""] = text(iface["addr"]).split("/");
  const [mac, pool] = [text(iface["mac"]).toLowerCase(), text(iface["v4PoolID"])];
  const isWhole = /^[\da-f]{64}$/.test(id) && nameRule.test(name) && /^[\da-f]{2}(?::[\da-f]{2}){5}$/.test(mac);
  if (!isWhole || parseIpv4(ip) === undefined || parseIpv4(locator) === undefined) return undefined;
  return { networkId, id, name, ip, mac, locator, pool };
}

const text = (value: unknown): string => textOf(value) ?? "";
