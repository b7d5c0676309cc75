import { NotAvailable, type ProcessHandle } from "./host.ts";

/** A table of the kernel's with its limit. */
export interface Filling {
  readonly used: number;
  readonly limit: number;
}

/** Tables that many namespaces share; missing where this kernel, or this namespace, does not show them. */
export interface SharedTables {
  /**
   * IPv4 neighbours of all namespaces together: one table with one limit, shown in the first namespace only. `refused`: how often
   * there was no place for another one since the machine was started; permanent ones count and are never refused (Linux 5.0).
   */
  readonly neighbours?: Filling & { readonly refused?: number };
  /** Connections that the host's own namespace tracks. */
  readonly conntrack?: Filling;
}

/** `sysctl` gives the text of a file below `/proc/sys`; `own` is a process in the host's namespace. */
export function readSharedTables(own: ProcessHandle, sysctl: (path: string) => string): SharedTables {
  const filling = (stat: string, limit: string): Filling | undefined => {
    try {
      return fillingOf(own.text(stat), sysctl(limit));
    } catch (error) {
      if (error instanceof NotAvailable) return undefined;
      throw error;
    }
  };
  const arp = filling("net/stat/arp_cache", "net/ipv4/neigh/default/gc_thresh3");
  const refused = arp === undefined ? undefined : refusals(own.text("net/stat/arp_cache"));
  const neighbours = arp === undefined || refused === undefined ? arp : { ...arp, refused };
  const conntrack = filling("net/stat/nf_conntrack", "net/netfilter/nf_conntrack_max");
  return { ...(neighbours === undefined ? {} : { neighbours }), ...(conntrack === undefined ? {} : { conntrack }) };
}

/** Each CPU has a line, in hexadecimal; `entries`, the first column, is the same in all of them. */
function fillingOf(stat: string, limit: string): Filling | undefined {
  const [, used] = /^entries .*\n([\da-f]+) /.exec(stat) ?? [];
  const most = /^(\d+)\n?$/.exec(limit)?.[1];
  return used === undefined || most === undefined
    ? undefined
    : { used: Number.parseInt(used, 16), limit: Number(most) };
}

/** `table_fulls` is each CPU's own; older kernels have no such column. */
function refusals(stat: string): number | undefined {
  const [header = [], ...counts] = stat
    .trimEnd()
    .split("\n")
    .map((line) => line.trim().split(/ +/));
  const column = header.indexOf("table_fulls");
  return column < 0 ? undefined : counts.reduce((sum, line) => sum + Number.parseInt(line[column] ?? "", 16), 0);
}
