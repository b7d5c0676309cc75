import { closeSync, fstatSync, openSync } from "node:fs";
import { type KeptFiles, keptFiles } from "../kernel-files.ts";
import { codeOf } from "../thrown.ts";
import type { Libc } from "./libc.ts";
import type { Asked } from "./messages.ts";
import { errorName, NetlinkError } from "./netlink.ts";
import type { Ledger } from "./thread-memory.ts";

/** One netlink socket in a network namespace: it stays there, so that the thread enters each only once. */
export interface Kept {
  readonly socket: number;
  /** Segments that had come in when there was nothing but listeners; a SYN since then would have counted. */
  quietAt: number | undefined;
  /** Of the process that it was opened by. */
  readonly files: KeptFiles;
}

export interface KeptSockets {
  /** Opens it where there is none yet. Throws without the right to enter, and `LostThread`. */
  readonly of: (asked: Asked) => Kept;
  readonly close: (key: string) => void;
  /** Closes all others: an open socket keeps a dead namespace alive. */
  readonly keepOnly: (keys: ReadonlySet<string>) => void;
}

/** The thread could not leave a foreign namespace: it must end. */
export class LostThread extends Error {
  override readonly name = "LostThread";
}

export function keptSockets(libc: Libc, ledger: Ledger): KeptSockets {
  const home = homeNamespace();
  const kept = new Map<string, Kept>();
  const close = (key: string) => {
    const known = kept.get(key);
    kept.delete(key);
    if (known === undefined) return;
    known.files.close();
    Atomics.store(ledger, ledger.indexOf(known.socket), -1);
    libc.close(known.socket);
  };
  return {
    of: ({ key, folder }) => {
      const known = kept.get(key);
      if (known !== undefined) return known;
      const row = ledger.indexOf(-1);
      if (row === -1) throw new Error(`${ledger.length} network namespaces are open already`);
      const process = `/proc/self/fd/${folder}`;
      const socket = socketIn(libc, home, { path: `${process}/ns/net`, protocol: protocols.sockDiag });
      Atomics.store(ledger, row, socket);
      const made: Kept = { socket, quietAt: undefined, files: keptFiles(process) };
      kept.set(key, made);
      return made;
    },
    close,
    keepOnly: (keys) => {
      for (const key of kept.keys()) if (!keys.has(key)) close(key);
    },
  };
}

/** A descriptor of the namespace that the calling thread is in. */
export const homeNamespace = (): number => openSync("/proc/thread-self/ns/net", "r");

/** NETLINK_SOCK_DIAG, NETLINK_ROUTE */
export const protocols = { sockDiag: 4, route: 0 } as const;

const cloneNewNet = 0x40_00_00_00;
/** AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK */
const netlink = [16, 3 | 0x8_00_00 | 0x8_00] as const;

interface Where {
  readonly path: string;
  /** Of the namespace that is expected there; any, where it is left out. */
  readonly inode?: number;
  readonly protocol: number;
}

/**
 * A netlink socket in another namespace, for a thread that is at `home`. Throws `LostThread`, and `NetlinkError` for all
 * else. Nothing asynchronous between the two setns: a thread that libuv started meanwhile would stay in there.
 */
export function socketIn(libc: Libc, home: number, { path, inode, protocol }: Where): number {
  const namespace = openNamespace(path);
  try {
    if (inode !== undefined && fstatSync(namespace).ino !== inode)
      throw new NetlinkError(`the namespace ${inode} is not at ${path} any more`);
    const entered = libc.setns(namespace, cloneNewNet);
    if (entered < 0) throw new NetlinkError(`cannot enter network namespaces: ${errorName(-entered)} ${rights}`);
    const socket = libc.socket(...netlink, protocol);
    const left = libc.setns(home, cloneNewNet);
    if (left < 0) {
      if (socket >= 0) libc.close(socket);
      throw new LostThread(`cannot return from a network namespace: setns: ${errorName(-left)}`);
    }
    if (socket < 0) throw new NetlinkError(`cannot open a netlink socket: ${errorName(-socket)}`);
    return socket;
  } finally {
    closeSync(namespace);
  }
}

const rights = "(it takes CAP_SYS_PTRACE and CAP_SYS_ADMIN)";

/** The message names no process: it is said once for all of them. */
function openNamespace(path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    throw new NetlinkError(`cannot open network namespaces: ${codeOf(cause) || String(cause)} ${rights}`, { cause });
  }
}
