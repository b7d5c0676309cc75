import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/**
 * The descriptor of libsystemd's socket to journald: it is shared by all threads and never told. It is the blocking
 * datagram socket without a name; others of that kind, if there are any, may have a deadline as well.
 */
export function journalSockets(): readonly number[] {
  const inodes = unnamedDatagramSockets(readFileSync("/proc/thread-self/net/unix", "utf8"));
  return readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => inodes.has(inodeOf(fd)) && isBlocking(fd));
}

/** Inodes in the text of /proc/net/unix: `Num RefCount Protocol Flags Type St Inode [Path]`; type 2 is SOCK_DGRAM. */
export function unnamedDatagramSockets(table: string): ReadonlySet<string> {
  const rows = table.split("\n").map((line) => line.trim().split(/\s+/u));
  const wanted = rows.filter((row) => row.length === 7 && row[4] === "0002");
  return new Set(wanted.flatMap((row) => row[6] ?? []));
}

/** Empty where the descriptor is closed meanwhile: threads share them. */
function inodeOf(fd: number): string {
  try {
    return /^socket:\[(\d+)\]$/u.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1] ?? "";
  } catch {
    return "";
  }
}

const O_NONBLOCK = 0o4000;

function isBlocking(fd: number): boolean {
  try {
    const flags = /^flags:\s+([0-7]+)$/mu.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & O_NONBLOCK) === 0;
  } catch {
    return false;
  }
}
