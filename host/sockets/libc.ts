import type { LibraryHandle } from "koffi";
import { messageOf } from "../thrown.ts";
import type { Shared } from "./thread-memory.ts";

/** Calls of the C library, made on the calling thread. Each answers what C answers, or the negative errno. */
export interface Libc {
  readonly setns: (fd: number, kind: number) => number;
  readonly socket: (domain: number, type: number, protocol: number) => number;
  /** Of a socket of IPv4: from now on it sends to this address only, and receives from it only. */
  readonly connect: (fd: number, ip: number) => number;
  /** To a device, for one protocol of Ethernet (AF_PACKET). */
  readonly bindDevice: (fd: number, ifindex: number, protocol: number) => number;
  readonly send: (fd: number, bytes: Uint8Array) => number;
  /** The length of the whole message, also where it is longer than `into` (MSG_TRUNC). */
  readonly receive: (fd: number, into: Uint8Array) => number;
  /** Waits for something to read; 0 when nothing came within `ms` milliseconds. */
  readonly poll: (fd: number, ms: number) => number;
  readonly close: (fd: number) => number;
}

export const errno = { EPERM: 1, EINTR: 4, EAGAIN: 11, ENOBUFS: 105, ECANCELED: 125 } as const;

const messageTruncated = 0x20;

/** Without koffi, or without its binary for this machine: an error that says so. `receive` is refused once stopped. */
export async function loadLibc(shared: Pick<Shared, "isStopped">): Promise<Libc | Error> {
  try {
    const koffi = await import("koffi");
    const library = koffi.load(null);
    const bind = (definition: string) => checked(library.func(definition), () => koffi.errno());
    const [setns, socket] = [bind("int setns(int, int)"), bind("int socket(int, int, int)")];
    const connect = bind("int connect(int, const uint8_t *, uint32_t)");
    const bindTo = bind("int bind(int, const uint8_t *, uint32_t)");
    const send = bind("long send(int, const uint8_t *, size_t, int)");
    const recv = bind("long recv(int, uint8_t *, size_t, int)");
    const [poll, close] = [bind("int poll(uint8_t *, unsigned long, int)"), bind("int close(int)")];
    return {
      setns,
      socket,
      connect: (fd, ip) => connect(fd, internet(ip), 16),
      bindDevice: (fd, ifindex, protocol) => bindTo(fd, packetAddress(ifindex, protocol), 20),
      send: (fd, bytes) => send(fd, bytes, bytes.length, 0),
      receive: (fd, into) => (shared.isStopped() ? -errno.ECANCELED : recv(fd, into, into.length, messageTruncated)),
      poll: (fd, ms) => poll(pollFor(fd), 1, ms),
      close,
    };
  } catch (cause) {
    const why = messageOf(cause);
    return new Error(`cannot load npm package koffi: ${why}`, { cause });
  }
}

function checked(call: ReturnType<LibraryHandle["func"]>, errnoNow: () => number): (...args: unknown[]) => number {
  return (...args) => {
    const result: unknown = call(...args);
    const error = errnoNow();
    if (typeof result !== "number") throw new TypeError(`${call.info.name} answered ${String(result)}, not a number`);
    return result < 0 ? -error : result;
  };
}

/** struct sockaddr_in: family in the machine's order, then port, address and padding, in the network's. */
function internet(ip: number): Uint8Array {
  const address = new Uint8Array(16);
  new Uint16Array(address.buffer)[0] = 2;
  new DataView(address.buffer).setUint32(4, ip);
  return address;
}

/** struct sockaddr_ll: family and index in the machine's order, the protocol in the network's. */
function packetAddress(ifindex: number, protocol: number): Uint8Array {
  const address = new Uint8Array(20);
  new Uint16Array(address.buffer)[0] = 17;
  new DataView(address.buffer).setUint16(2, protocol);
  new Int32Array(address.buffer)[1] = ifindex;
  return address;
}

/** struct pollfd: int fd; short events, revents. */
function pollFor(fd: number): Uint8Array {
  const words = new Int32Array(2);
  words[0] = fd;
  new Int16Array(words.buffer)[2] = 1;
  return new Uint8Array(words.buffer);
}
