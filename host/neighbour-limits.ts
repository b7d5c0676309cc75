import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { NotAvailable } from "./host.ts";
import { readingFile } from "./procfs.ts";
import { messageOf } from "./thrown.ts";

/** Of the IPv4 neighbour table that all namespaces share: `gc_thresh1`, 2 and 3, in entries; the last is the limit. */
export const neighbourLimitNames = ["gc_thresh1", "gc_thresh2", "gc_thresh3"] as const;
export type NeighbourLimitName = (typeof neighbourLimitNames)[number];
export type NeighbourLimits = Readonly<Record<NeighbourLimitName, number>>;

const fileOf = (hostRoot: string, name: NeighbourLimitName): string =>
  join(hostRoot, "proc/sys/net/ipv4/neigh/default", name);

/** Throws `NotAvailable` where they are not shown: only the machine's first network namespace has them. */
export function readNeighbourLimits(hostRoot: string): NeighbourLimits {
  const read = (name: NeighbourLimitName): number => {
    const text = readingFile(fileOf(hostRoot, name));
    if (!/^\d{1,10}\n?$/.test(text))
      throw new NotAvailable(`${name} is no number: ${JSON.stringify(text.slice(0, 40))}`);
    return Number(text);
  };
  return { gc_thresh1: read("gc_thresh1"), gc_thresh2: read("gc_thresh2"), gc_thresh3: read("gc_thresh3") };
}

/** As `sysctl -w net.ipv4.neigh.default.NAME=VALUE` does; gone at the next start of the machine. Throws what the kernel says. */
export function writeNeighbourLimit(hostRoot: string, name: NeighbourLimitName, value: number): void {
  if (!Number.isSafeInteger(value) || value <= 0 || value > 2 ** 31 - 1)
    throw new Error(`no limit for a table: ${value}`);
  const path = fileOf(hostRoot, name);
  try {
    writeFileSync(path, `${value}\n`, { flag: "r+" });
  } catch (cause) {
    throw new Error(`cannot write ${value} to ${path}: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** Bytes that the machine can still give, of `/proc/meminfo`; undefined where it does not tell. */
export function availableMemory(hostRoot: string): number | undefined {
  const [, kib] = /^MemAvailable: +(\d+) kB$/m.exec(readingFile(join(hostRoot, "proc/meminfo"))) ?? [];
  return kib === undefined ? undefined : Number(kib) * 1024;
}
