import type { StoreServer } from "./store.ts";

/** Kinds of store that engines up to 20.10 take, and the port of each where none is named. */
const ports = { etcd: 2379, consul: 8500, zk: 2181 } as const;
export type StoreKind = keyof typeof ports;
export const storeKinds: readonly string[] = Object.keys(ports);

/** A store as an engine names it: `--cluster-store KIND://HOST:PORT,HOST:PORT/PREFIX`. */
export interface StoreAddress {
  readonly kind: StoreKind;
  /** Tried in turn. */
  readonly servers: readonly StoreServer[];
  /** Before Docker's own keys; empty unless the address has a path. */
  readonly prefix: string;
}

/** Undefined where the address is another kind of store's, or none. */
export function storeAddress(address: string): StoreAddress | undefined {
  const [, kind = "", hosts = "", path = ""] = /^([a-z]+):\/\/([^/]+)(?:\/(.*))?$/.exec(address) ?? [];
  if (!isKind(kind)) return undefined;
  const servers = hosts.split(",").map((one) => serverOf(one, ports[kind]));
  const known = servers.filter((server) => server !== undefined);
  return known.length < servers.length ? undefined : { kind, servers: known, prefix: path.replace(/\/+$/, "") };
}

const isKind = (kind: string): kind is StoreKind => Object.hasOwn(ports, kind);

function serverOf(text: string, otherwise: number): StoreServer | undefined {
  const [, host, port] = /^([A-Za-z0-9_.-]{1,253})(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (host === undefined) return undefined;
  return { host, port: port === undefined ? otherwise : Number(port) };
}
