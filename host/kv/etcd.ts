import { get as httpGet } from "node:http";
import { type AskStore, StoreError, type StoredValue, type StoreServer } from "./store.ts";

export const mostBytes = 64 * 2 ** 20;

/** A store with version 2 of etcd's API. */
export const askEtcd: AskStore = async (server, key, signal) => {
  const { status, text } = await fetched(server, `/v2/keys/${key}?recursive=true&quorum=true`, signal);
  const answer = parsed(text);
  // 100 is etcd's own number for a key that is not there; any other 404 comes from something else.
  if (status === 404 && member(answer, "errorCode") === 100) return undefined;
  if (status !== 200) throw new StoreError(`it answered ${status}: ${text.slice(0, 120)}`);
  return readValues(answer);
};

/** `GET /v2/keys/FOLDER?recursive=true`. Throws `StoreError`. */
export function readValues(answer: unknown): readonly StoredValue[] {
  return entriesIn(member(answer, "node"));
}

async function fetched(server: StoreServer, path: string, signal: AbortSignal) {
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

/** Throws `StoreError`. */
export function parsed(text: string): unknown {
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

/** Undefined where it has no such field of its own, or is no object. */
export function member(of: unknown, key: string): unknown {
  if (typeof of !== "object" || of === null || !Object.hasOwn(of, key)) return undefined;
  return Object.getOwnPropertyDescriptor(of, key)?.value;
}
