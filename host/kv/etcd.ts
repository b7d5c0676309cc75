import { get as httpGet } from "node:http";
import { deadline } from "../deadline.ts";
import { StoreError, type StoredValue } from "./store.ts";

/** A store of the etcd v2 kind, as engines up to 20.10 take with `--cluster-store etcd://HOST:PORT,HOST:PORT/PREFIX`. */
export interface EtcdStore {
  /** Tried in turn. */
  readonly servers: readonly { readonly host: string; readonly port: number }[];
  /** Before Docker's own keys; empty unless the address has a path. */
  readonly prefix: string;
}

const [mostBytes, defaultPort] = [64 * 2 ** 20, 2379];

/** Undefined where the address is another kind of store's, or none. */
export function etcdStore(address: string): EtcdStore | undefined {
  const [, hosts = "", path = ""] = /^etcd:\/\/([^/]+)(?:\/(.*))?$/.exec(address) ?? [];
  const servers = hosts.split(",").map(serverOf);
  const known = servers.filter((server) => server !== undefined);
  return hosts === "" || known.length < servers.length
    ? undefined
    : { servers: known, prefix: path.replace(/\/+$/, "") };
}

function serverOf(text: string): EtcdStore["servers"][number] | undefined {
  const [, host, port] = /^([A-Za-z0-9_.-]{1,253})(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (host === undefined) return undefined;
  return { host, port: port === undefined ? defaultPort : Number(port) };
}

/**
 * All values below a folder of Docker's, `docker/network/v1.0/...`; none where there is no such folder. The store is asked
 * for what its majority agrees on: one that is cut off from it does not answer. Throws `StoreError`.
 */
export async function valuesBelow(
  store: EtcdStore,
  folder: string,
  signal: AbortSignal,
  timeoutMs = 3000,
): Promise<readonly StoredValue[]> {
  const path = `/v2/keys/${[store.prefix, folder].filter((one) => one !== "").join("/")}?recursive=true&quorum=true`;
  const complaints: string[] = [];
  for (const server of store.servers) {
    const late = deadline(signal, timeoutMs);
    try {
      return await ask(server, path, late.signal);
    } catch (cause) {
      signal.throwIfAborted();
      const error: unknown = late.signal.aborted ? late.signal.reason : cause;
      complaints.push(`${server.host}:${server.port}: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      late.clear();
    }
  }
  throw new StoreError(`the cluster store does not tell ${folder}: ${complaints.join("; ")}`);
}

async function ask(
  server: EtcdStore["servers"][number],
  path: string,
  signal: AbortSignal,
): Promise<readonly StoredValue[]> {
  const { status, text } = await fetched(server, path, signal);
  const answer = parsed(text);
  // 100 is etcd's own number for a key that is not there; any other 404 comes from something else.
  if (status === 404 && numberAt(answer, "errorCode") === 100) return [];
  if (status !== 200) throw new StoreError(`it answered ${status}: ${text.slice(0, 120)}`);
  return readValues(answer);
}

/** `GET /v2/keys/FOLDER?recursive=true`. Throws `StoreError`. */
export function readValues(answer: unknown): readonly StoredValue[] {
  return entriesIn(member(answer, "node"));
}

async function fetched(server: EtcdStore["servers"][number], path: string, signal: AbortSignal) {
  return new Promise<{ readonly status: number; readonly text: string }>((resolve, reject) => {
    const request = httpGet({ ...server, path, signal, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on("data", (chunk: Buffer) => {
        length += chunk.length;
        if (length > mostBytes) request.destroy(new StoreError(`an answer of more than ${mostBytes} bytes`));
        chunks.push(chunk);
      });
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    });
    request.on("error", reject);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new StoreError(`no JSON: ${JSON.stringify(text.slice(0, 80))}`, { cause });
  }
}

/** A folder has `nodes`, and none where it is empty; anything else has a value. */
function entriesIn(node: unknown): readonly StoredValue[] {
  const nodes = member(node, "nodes");
  if (Array.isArray(nodes)) return nodes.flatMap((one: unknown) => entriesIn(one));
  const [key, value] = [member(node, "key"), member(node, "value")];
  if (typeof key === "string" && typeof value === "string") return [{ key, value }];
  if (member(node, "dir") === true) return [];
  throw new StoreError(`a node without a value: ${JSON.stringify(node)?.slice(0, 80)}`);
}

function member(of: unknown, key: string): unknown {
  if (typeof of !== "object" || of === null || !Object.hasOwn(of, key)) return undefined;
  return Object.getOwnPropertyDescriptor(of, key)?.value;
}

function numberAt(of: unknown, key: string): number | undefined {
  const value = member(of, key);
  return typeof value === "number" ? value : undefined;
}
