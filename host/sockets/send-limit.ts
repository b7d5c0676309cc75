import { messageOf } from "../thrown.ts";

/** Gives blocking sends on a socket a deadline, after which they fail with EAGAIN. Throws where that is refused. */
export type SendLimit = (fd: number, ms: number) => void;

const [SOL_SOCKET, SO_SNDTIMEO] = [1, 21];

/** Without koffi, or without its binary for this machine: an error that says so. */
export async function loadSendLimit(): Promise<SendLimit | Error> {
  try {
    const koffi = await import("koffi");
    const setsockopt = koffi.load(null).func("int setsockopt(int, int, int, const uint8_t *, unsigned int)");
    return (fd, ms) => {
      const value = timeval(ms);
      const result: unknown = setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, value, value.length);
      if (result !== 0) throw new Error(`setsockopt(${fd}, SO_SNDTIMEO, ${ms} ms): errno ${koffi.errno()}`);
    };
  } catch (cause) {
    const why = messageOf(cause);
    return new Error(`cannot load npm package koffi: ${why}`, { cause });
  }
}

/** struct timeval on 64-bit machines: seconds and microseconds, 8 bytes each. */
function timeval(ms: number): Uint8Array {
  return new Uint8Array(BigInt64Array.of(BigInt(Math.floor(ms / 1000)), BigInt(ms % 1000) * 1000n).buffer);
}
