import { errno, type Libc } from "./libc.ts";
import { dumpRequest, errorName, NetlinkError, replyBuffer, takeReplies } from "./netlink.ts";
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
  // The kernel sends 32 KiB at most at once.
  const buffer = replyBuffer(64 * 1024);
  let sequence = 0;

  const receive = (socket: number): number => {
    for (let waits = 0; waits < 20;) {
      const got = libc.receive(socket, buffer.bytes);
      if (got > buffer.bytes.length) throw new NetlinkError(`a netlink message of ${got} bytes is too long`);
      if (got !== -errno.EAGAIN && got !== -errno.EINTR) return got;
      if (got === -errno.EAGAIN && libc.poll(socket, 100) === 0) waits++;
    }
    throw new NetlinkError("the kernel did not answer a dump of TCP sockets within 2 s");
  };

  const once = (socket: number, states: number): Dump => {
    sequence = (sequence % 0xff_ff_ff) + 1;
    const sent = libc.send(socket, dumpRequest(states, sequence));
    if (sent < 0) throw new NetlinkError(`cannot ask for a dump of TCP sockets: ${errorName(-sent)}`);
    const tally = newTally();
    for (let interrupted = false; ;) {
      const got = receive(socket);
      // ENOBUFS tells of messages lost; the dump itself goes on to its end.
      if (got === -errno.ENOBUFS) interrupted = true;
      else if (got <= 0) throw new NetlinkError(`cannot receive a dump of TCP sockets: ${errorName(-got)}`);
      else {
        const progress = takeReplies(buffer, got, sequence, tally);
        interrupted ||= progress.interrupted;
        if (progress.done) return { tally, interrupted };
      }
    }
  };

  return (socket, states) => {
    let last = once(socket, states);
    for (let tried = 1; last.interrupted && tried < tries; tried++) last = once(socket, states);
    return last;
  };
}
