import { closeSync, openSync, readSync } from "node:fs";
import type { KeptFiles } from "../kernel-files.ts";
import { isGone } from "../procfs.ts";
import { messageOf } from "../thrown.ts";
import { type Dump, type Dumper, dumper } from "./dump.ts";
import { type EstablishedRule, establishedRule } from "./established.ts";
import { type Kept, keptSockets, LostThread } from "./kept.ts";
import type { Libc } from "./libc.ts";
import type { Asked, Counted, Reading } from "./messages.ts";
import { masks } from "./netlink.ts";
import { readTotals, type Totals } from "./proc-net.ts";
import type { Shared } from "./thread-memory.ts";
import { newTally, numbers, type Tally } from "./states.ts";
import { textTally } from "./text.ts";

export type NamespaceReader = (asked: readonly Asked[]) => readonly Reading[];

/**
 * Counts the TCP sockets of network namespaces: by sock_diag, or from `/proc/PID/net/tcp` where that can not be. For a
 * worker thread only: it enters namespaces, and it blocks. Throws only what must end the thread: `LostThread`, `Stopped`.
 */
export function namespaceReader(libc: Libc | Error, shared: Shared): NamespaceReader {
  const byDiag = libc instanceof Error ? noDiag(libc) : diagReader(libc, shared);
  const readOne = (one: Asked): Reading => {
    try {
      return byDiag.read(one);
    } catch (error) {
      if (error instanceof LostThread) throw error;
      byDiag.close(one.key);
      return readText(one, messageOf(error));
    }
  };
  return (asked) => {
    shared.inOnePiece(() => byDiag.keepOnly(new Set(asked.map(({ key }) => key))));
    return asked.map((one) => shared.inOnePiece(() => readOne(one)));
  };
}

interface DiagReader {
  readonly read: (asked: Asked) => Counted;
  readonly close: (key: string) => void;
  readonly keepOnly: (keys: ReadonlySet<string>) => void;
}

function noDiag(why: Error): DiagReader {
  const read = () => {
    throw why;
  };
  return { read, close: () => undefined, keepOnly: () => undefined };
}

function diagReader(libc: Libc, { ledger }: Shared): DiagReader {
  const [sockets, dump, rule] = [keptSockets(libc, ledger), dumper(libc), establishedRule()];
  const read = (asked: Asked): Counted => {
    const kept = sockets.of(asked);
    const { tally, interrupted } = count(kept, () => totalsOf(kept.files), dump, rule);
    assertAlive(kept.files);
    return { how: "sock_diag", tally: Array.from(tally), interrupted };
  };
  return { read, close: sockets.close, keepOnly: sockets.keepOnly };
}

const folderOf = ({ folder }: Asked): string => `/proc/self/fd/${folder}`;

/**
 * Its netlink socket and open files outlive a process: one that ended under the reading is not one without sockets. It
 * gives up its memory first (kernel/exit.c, do_exit): while it has any, none of its sockets is closed.
 */
function assertAlive({ text }: KeptFiles): void {
  if (text("statm").startsWith("0 ")) throw new Error("the process has ended");
}

/** From the cheapest question to the dearest, until the answer is certain. */
function count(kept: Kept, totalsNow: () => Totals | undefined, dump: Dumper, rule: EstablishedRule): Dump {
  const totals = totalsNow();
  if (totals === undefined) return dump(kept.socket, masks.all);
  const listening = dump(kept.socket, masks.listen);
  if (isQuiet(kept, totals, listening)) return listening;
  const rest = dump(kept.socket, masks.rest);
  kept.quietAt = rest.interrupted || rest.tally[numbers.synRecv] !== 0 ? undefined : totals.inSegs;
  rest.tally[numbers.listen] = listening.tally[numbers.listen] ?? 0;
  const established = rule.derive(totals, rest.tally);
  if (established === undefined) {
    const full = dump(kept.socket, masks.all);
    rule.learn(totals.currEstab, totalsNow()?.currEstab ?? Number.NaN, full.tally);
    return full;
  }
  rest.tally[numbers.established] = established;
  return { tally: rest.tally, interrupted: listening.interrupted || rest.interrupted };
}

/** Nothing but listeners. Sockets in SYN_RECV are in no total; but none comes without a segment. */
function isQuiet({ quietAt }: Kept, { inUse, timeWait, inSegs }: Totals, { tally, interrupted }: Dump): boolean {
  return !interrupted && inUse === tally[numbers.listen] && timeWait === 0 && quietAt === inSegs;
}

function totalsOf({ text }: KeptFiles): Totals | undefined {
  return readTotals(
    text("net/sockstat"),
    ifThere(() => text("net/sockstat6")),
    text("net/snmp"),
  );
}

/** The IPv6 files are missing where the kernel was started without IPv6. */
function ifThere(read: () => string): string {
  try {
    return read();
  } catch (error) {
    if (isGone(error)) return "";
    throw error;
  }
}

function readText(asked: Asked, why: string): Reading {
  try {
    const tally = newTally();
    addFile(`${folderOf(asked)}/net/tcp`, tally);
    addIpv6(`${folderOf(asked)}/net/tcp6`, tally);
    return { how: "text", tally: Array.from(tally), interrupted: false, why };
  } catch (error) {
    return { fault: messageOf(error), gone: isGone(error) };
  }
}

function addIpv6(path: string, into: Tally): void {
  try {
    addFile(path, into);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

const piece = new Uint8Array(256 * 1024);

function addFile(path: string, into: Tally): void {
  const file = openSync(path, "r");
  try {
    const text = textTally(into);
    for (;;) {
      const length = readSync(file, piece, 0, piece.length, null);
      if (length === 0) break;
      text.add(piece.subarray(0, length));
    }
    text.end();
  } finally {
    closeSync(file);
  }
}
