/** The states of a TCP socket by the kernel's numbers (include/net/tcp_states.h), under the names that metrics carry. */
export const tcpStates = [
  "established",
  "syn_sent",
  "syn_recv",
  "fin_wait1",
  "fin_wait2",
  "time_wait",
  "close",
  "close_wait",
  "last_ack",
  "listen",
  "closing",
] as const;

export type TcpState = (typeof tcpStates)[number];

/** Sockets by the kernel's number of their state: `[numbers.listen]`. Index 0 is never used. */
export type Tally = Uint32Array;

export const numbers = { established: 1, synRecv: 3, closeWait: 8, listen: 10 } as const;

/** TCP_NEW_SYN_RECV: what SYN_RECV is called inside the kernel, which never tells it to user space under this number. */
export const lastNumber = 12;

export const newTally = (): Tally => new Uint32Array(lastNumber + 1);

/** IPv4 and IPv6, all states, those at 0 too. */
export function byState(tally: Readonly<ArrayLike<number>>): Readonly<Record<TcpState, number>> {
  const at = (number: number) => tally[number] ?? 0;
  return {
    established: at(1),
    syn_sent: at(2),
    syn_recv: at(3) + at(lastNumber),
    fin_wait1: at(4),
    fin_wait2: at(5),
    time_wait: at(6),
    close: at(7),
    close_wait: at(8),
    last_ack: at(9),
    listen: at(10),
    closing: at(11),
  };
}
