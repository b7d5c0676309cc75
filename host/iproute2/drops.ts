import { readWhole } from "../kernel-files.ts";
import { isGone } from "../procfs.ts";

export interface NetlinkSocket {
  /** It is subscribed to a group: events from now on are either printed or counted in `drops`. */
  readonly ready: boolean;
  /** Messages that the kernel could not put into its receive buffer since it was opened. */
  readonly drops: number;
}

/**
 * The route netlink socket of a program like `ip monitor`, from `/proc/PID/net/netlink`, which lists the namespace
 * that the program is in. Undefined where the process is gone. The stderr of `ip` tells once that something was lost;
 * this column tells how much.
 */
export function dropsOf(pid: number): NetlinkSocket | undefined {
  try {
    return readNetlink(readWhole(`/proc/${pid}/net/netlink`), pid);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** NETLINK_ROUTE of netlink.h, in the column Eth. */
const route = "0";

/**
 * The column Pid is the port id, which the kernel makes the process number for a first socket. Columns are found by
 * their names; a table without them is an Error.
 */
export function readNetlink(table: string, pid: number): NetlinkSocket {
  const [header = "", ...lines] = table.split("\n");
  const names = header.trim().split(/\s+/);
  const column = (name: string): number => {
    const index = names.indexOf(name);
    if (index < 0) throw new Error(`/proc/${pid}/net/netlink has no column ${name}: ${header.slice(0, 120)}`);
    return index;
  };
  const [eth, port, groups, drops] = [column("Eth"), column("Pid"), column("Groups"), column("Drops")];
  const rows = lines
    .map((line) => line.trim().split(/\s+/))
    .filter((cells) => cells[eth] === route && cells[port] === String(pid) && !/^0*$/.test(cells[groups] ?? ""));
  return { ready: rows.length > 0, drops: rows.reduce((sum, cells) => sum + count(cells[drops]), 0) };
}

function count(text: string | undefined): number {
  if (text === undefined || !/^\d+$/.test(text)) throw new Error(`Drops is no number: ${text ?? "missing"}`);
  return Number(text);
}
