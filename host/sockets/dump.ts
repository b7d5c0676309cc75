import { errno, type Libc } from "./libc.ts";
import {
  dumpRequest,
  errorName,
  NetlinkError,
  type Progress,
  type ReplyBuffer,
  replyBuffer,
  takeReplies,
} from "./netlink.ts";
import { newTally, type Tally } from "./states.ts";

export interface Dump {
  readonly tally: Tally;
  /** Interrupted each time that it was tried: the figures are near the truth, not true. */
  readonly interrupted: boolean;
}

export type Dumper = (socket: number, states: number) => Dump;

const tries = 3;

/** Dumps the TCP sockets in the states of a mask from a netlink socket. Throws `NetlinkError`; the socket is then to be closed. */
export function dumper(libc: Libc): Dumper {
  const { buffer, ask } = asker(libc);
  return (socket, states) => {
    let tally = newTally();
    const interrupted = ask(
      socket,
      (sequence) => {
        tally = newTally();
        return dumpRequest(states, sequence);
      },
      (length, sequence) => takeReplies(buffer, length, sequence, tally),
    );
    return { tally, interrupted };
  };
}

export interface Asker {
  /** Where each piece of an answer lies while it is taken. */
  readonly buffer: ReplyBuffer;
  /**
   * Asks for a dump, again where it was interrupted, three times at most. `take` gets the length of each piece that came.
   * Returns whether the last was interrupted too. Throws `NetlinkError`; the socket is then to be closed.
   */
  readonly ask: (
    socket: number,
    request: (sequence: number) => Uint8Array,
    take: (length: number, sequence: number) => Progress,
  ) => boolean;
}

export function asker(libc: Libc): Asker {
  // The kernel sends 32 KiB at most at once.
  const buffer = replyBuffer(64 * 1024);
  let last = 0;

  const receive = (socket: number): number => {
    for (let waits = 0; waits < 20;) {
      const got = libc.receive(socket, buffer.bytes);
      if (got > buffer.bytes.length) throw new NetlinkError(`a netlink message of ${got} bytes is too long`);
      if (got !== -errno.EAGAIN && got !== -errno.EINTR) return got;
      if (got === -errno.EAGAIN && libc.poll(socket, 100) === 0) waits++;
    }
    throw new NetlinkError("the kernel did not answer a dump within 2 s");
  };

  const once = (socket: number, request: Uint8Array, take: (length: number) => Progress): boolean => {
    const sent = libc.send(socket, request);
    if (sent < 0) throw new NetlinkError(`cannot ask for a dump: ${errorName(-sent)}`);
    for (let interrupted = false; ;) {
      const got = receive(socket);
      // ENOBUFS tells of messages lost; the dump itself goes on to its end.
      if (got === -errno.ENOBUFS) interrupted = true;
      else if (got <= 0) throw new NetlinkError(`cannot receive a dump: ${errorName(-got)}`);
      else {
        const progress = take(got);
        interrupted ||= progress.interrupted;
        if (progress.done) return interrupted;
      }
    }
  };

  const ask: Asker["ask"] = (socket, request, take) => {
    for (let tried = 1; ; tried++) {
      const sequence = (last = (last % 0xff_ff_ff) + 1);
      const interrupted = once(socket, request(sequence), (length) => take(length, sequence));
      if (!interrupted || tried === tries) return interrupted;
    }
  };
  return { buffer, ask };
}
