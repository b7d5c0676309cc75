import { connect } from "node:net";
import { deadline } from "../deadline.ts";
import { messageOf } from "../thrown.ts";
import { unpackLzw } from "./lzw.ts";
import { unpack } from "./msgpack.ts";

/** Where the engines of a classic overlay tell each other who is there. */
export const serfPort = 7946;

/** One engine as another one sees it. */
export interface Member {
  readonly name: string;
  readonly address: string;
  readonly state: "alive" | "suspect" | "dead";
}

const mostBytes = 16 * 2 ** 20;

/**
 * Whom an engine takes for members, asked by memberlist's exchange of states over TCP with an empty list of our own: it
 * answers with all that it knows, and learns nothing (memberlist `handleConn`, `mergeRemoteState`). One that was found dead
 * stays in the list for a while, then it is left out. Rejects where the engine does not answer so, or with the signal's reason.
 */
export async function membersAsSeenBy(
  host: string,
  signal: AbortSignal,
  { port = serfPort, timeoutMs = 5000 }: { readonly port?: number; readonly timeoutMs?: number } = {},
): Promise<readonly Member[]> {
  const late = deadline(signal, timeoutMs);
  try {
    return readStates(await exchange(host, port, late.signal));
  } catch (cause) {
    signal.throwIfAborted();
    const why = messageOf(cause);
    throw new Error(`the engine at ${host}:${port} was asked for its members and did not tell: ${why}`, { cause });
  } finally {
    late.clear();
  }
}

async function exchange(host: string, port: number, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal });
    const chunks: Buffer[] = [];
    let length = 0;
    socket.on("connect", () => socket.write(question));
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > mostBytes) socket.destroy(new Error(`an answer of more than ${mostBytes} bytes`));
    });
    socket.on("error", reject);
    // It closes the connection when all is said.
    socket.on("end", () => resolve(Buffer.concat(chunks)));
  });
}

const [pushPull, compressed] = [6, 9];

/** `{Nodes: 0, UserStateLen: 0, Join: false}`. */
const question = Buffer.concat([
  Buffer.of(pushPull, 0x83),
  ...(
    [
      ["Nodes", 0],
      ["UserStateLen", 0],
      ["Join", 0xc2],
    ] as const
  ).map(([key, value]) => Buffer.concat([Buffer.of(0xa0 | key.length), Buffer.from(key), Buffer.of(value)])),
]);

/** What comes back. Throws where it is something else. */
export function readStates(answer: Buffer): readonly Member[] {
  const message = answer[0] === compressed ? decompressed(answer) : answer;
  if (message[0] !== pushPull) throw new Error("an answer that is no list of members (is gossip encrypted here?)");
  let { value, next } = unpack(message, 1);
  const members: Member[] = [];
  for (let left = number(field(value, "Nodes")); left > 0; left--) {
    ({ value, next } = unpack(message, next));
    members.push(memberOf(value));
  }
  return members;
}

function decompressed(answer: Buffer): Buffer {
  const { value } = unpack(answer, 1);
  return unpackLzw(bytes(field(value, "Buf")), mostBytes);
}

const states = ["alive", "suspect", "dead"] as const;

/** memberlist's `pushNodeState`. A state that came later than these counts as dead there too (`left`). */
function memberOf(value: unknown): Member {
  const address = bytes(field(value, "Addr"));
  // An IPv4 address in IPv6 form (RFC 4291, 2.5.5.2) on engines whose Go made it so.
  const last = address.subarray(-4);
  const isIpv4 = address.length === 4 || (address.length === 16 && address.readUInt16BE(10) === 0xffff);
  return {
    name: bytes(field(value, "Name")).toString(),
    address: isIpv4 ? last.join(".") : address.toString("hex"),
    state: states[number(field(value, "State"))] ?? "dead",
  };
}

function field(of: unknown, key: string): unknown {
  if (!(of instanceof Map)) throw new Error(`something without ${key}`);
  const value: unknown = of.get(key);
  return value;
}

function bytes(value: unknown): Buffer {
  if (!(value instanceof Buffer)) throw new Error("something that is no text");
  return value;
}

function number(value: unknown): number {
  if (typeof value !== "number") throw new Error("something that is no number");
  return value;
}
