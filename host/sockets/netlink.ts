import { getSystemErrorName } from "node:util";
import { little } from "../rtnetlink/request.ts";
import { lastNumber, numbers, type Tally } from "./states.ts";

/** The kernel answered a dump with an error, or with bytes that are not a dump. */
export class NetlinkError extends Error {
  override readonly name = "NetlinkError";
}

const bit = (state: number) => 1 << state;

/** Bit masks of states to ask for. */
export const masks = {
  listen: bit(numbers.listen),
  all: bit(lastNumber + 1) - bit(1),
  /** All but LISTEN, which has been asked for, and ESTABLISHED, of which a busy server has thousands. */
  rest: (bit(lastNumber + 1) - bit(1)) & ~(bit(numbers.listen) | bit(numbers.established)),
} as const;

/** include/uapi/linux/netlink.h, inet_diag.h */
const kernel = {
  headerSize: 16,
  requestSize: 16 + 60,
  /** struct inet_diag_msg */
  socketSize: 72,
  typeError: 2,
  typeDone: 3,
  typeSocket: 18,
  flagInterrupted: 0x10,
  /** NLM_F_REQUEST | NLM_F_DUMP */
  flagsDump: 0x301,
} as const;

/**
 * One request for the TCP sockets of both families, without extensions: TCPDIAG_GETSOCK with AF_UNSPEC. The newer
 * SOCK_DIAG_BY_FAMILY takes one family only, and each walks the whole hash table of the machine: twice the time.
 */
export function dumpRequest(states: number, sequence: number): Uint8Array {
  const bytes = new Uint8Array(kernel.requestSize);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, kernel.requestSize, little);
  view.setUint16(4, kernel.typeSocket, little);
  view.setUint16(6, kernel.flagsDump, little);
  view.setUint32(8, sequence, little);
  // struct inet_diag_req: family, two prefix lengths and extensions (all 0), 48 bytes of identity, states, dbs.
  view.setUint32(16 + 52, states, little);
  return bytes;
}

/** Memory that replies are received into, seen as bytes and as words; netlink aligns all to 4. */
export interface ReplyBuffer {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly halves: Uint16Array;
}

/** Of so many bytes, a multiple of 4. */
export function replyBuffer(size: number): ReplyBuffer {
  const memory = new ArrayBuffer(size);
  return { bytes: new Uint8Array(memory), words: new Uint32Array(memory), halves: new Uint16Array(memory) };
}

export interface Progress {
  readonly done: boolean;
  /** The kernel says that the table changed under the dump: it may lack sockets or show some twice. */
  readonly interrupted: boolean;
}

/** A message that is neither the end nor an error: its type, where its header begins, and its size with the header. */
export type Visit = (type: number, at: number, size: number) => void;

/**
 * Walks `length` received bytes of the answer to request `sequence`; messages of another request are passed over. Throws
 * `NetlinkError` for an error from the kernel and for what does not end where it says.
 */
export function walkReplies(buffer: ReplyBuffer, length: number, sequence: number, visit: Visit): Progress {
  let [at, interrupted] = [0, false];
  while (at < length) {
    const size = sizeOf(buffer, at, length);
    if (buffer.words[(at >> 2) + 2] === sequence) {
      interrupted ||= ((buffer.halves[(at >> 1) + 3] ?? 0) & kernel.flagInterrupted) !== 0;
      if (takeMessage(buffer, at, size, visit)) return { done: true, interrupted };
    }
    at += (size + 3) & ~3;
  }
  return { done: false, interrupted };
}

/** Counts the sockets in `length` received bytes; makes no object a socket. Throws as `walkReplies` does. */
export function takeReplies(buffer: ReplyBuffer, length: number, sequence: number, into: Tally): Progress {
  return walkReplies(buffer, length, sequence, (type, at, size) => {
    if (type === kernel.typeSocket) countSocket(buffer, at, size, into);
  });
}

/** struct nlmsghdr: u32 length, u16 type, u16 flags, u32 sequence, u32 port. */
function sizeOf({ words }: ReplyBuffer, at: number, length: number): number {
  const size = at + kernel.headerSize <= length ? (words[at >> 2] ?? 0) : 0;
  if (size < kernel.headerSize || at + size > length) throw truncated(at, size, length);
  return size;
}

/** Whether it was the last one. */
function takeMessage(buffer: ReplyBuffer, at: number, size: number, visit: Visit): boolean {
  const type = buffer.halves[(at >> 1) + 2] ?? 0;
  if (type === kernel.typeDone || type === kernel.typeError) throwOnError(buffer, at, size);
  else visit(type, at, size);
  return type === kernel.typeDone;
}

function countSocket({ bytes }: ReplyBuffer, at: number, size: number, into: Tally): void {
  if (size < kernel.headerSize + kernel.socketSize) throw truncated(at, size, at + size);
  const state = bytes[at + kernel.headerSize + 1] ?? 0;
  into[state] = (into[state] ?? 0) + 1;
}

/** Both carry a negative errno, or 0; an end without one is an end. */
function throwOnError({ words }: ReplyBuffer, at: number, size: number): void {
  const error = size >= kernel.headerSize + 4 ? (words[(at >> 2) + 4] ?? 0) | 0 : 0;
  if (error < 0) throw new NetlinkError(`the kernel refused the dump: ${errorName(-error)}`);
}

/** `EPERM` for 1. */
export function errorName(errno: number): string {
  return errno > 0 && errno < 4096 ? getSystemErrorName(-errno) : `error ${errno}`;
}

function truncated(at: number, size: number, length: number): NetlinkError {
  return new NetlinkError(`a netlink message of ${size} bytes at ${at} does not fit the ${length} bytes received`);
}
