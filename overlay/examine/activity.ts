import { setTimeout as sleep } from "node:timers/promises";
import { countReads } from "../diagnose/activity.ts";
import type { Activity, NamespaceInput } from "../diagnose/input.ts";
import type { FdbRow } from "../fdb.ts";
import type { Tables } from "../tables.ts";

/** How often the bridge's table is read, the first time with all tables, and how long after the one before, in ms. */
const sampling = { reads: 10, everyMs: 110 } as const;

/** How a namespace is read again. */
interface Readers {
  readonly fdb: () => Promise<readonly FdbRow[]>;
  readonly tables: () => Promise<Tables>;
}

/** What a second's watching adds to the first look. */
type Watched = Pick<NamespaceInput, "activity" | "later">;

/**
 * Reads the bridge's table ten times within a second. Ends early where no MAC can be found in most of the ten any more,
 * and nothing is there that wants the tables a second later.
 */
export async function watchRows(
  { tables, endpoints = [] }: NamespaceInput,
  needLater: boolean,
  readers: Readers,
  signal: AbortSignal,
): Promise<Watched> {
  const macs = endpoints.map(({ mac }) => mac);
  const readings = [tables.fdb];
  let counts = countReads(macs, tables.links, readings);
  const enough = (): boolean => readings.length >= sampling.reads || (!needLater && isSettled(counts));
  while (!enough()) {
    await sleep(sampling.everyMs, undefined, { signal });
    readings.push(await readers.fdb());
    counts = countReads(macs, tables.links, readings);
  }
  return needLater ? { activity: counts, later: await readers.tables() } : { activity: counts };
}

/** With the reads that are to come on the vxlan port all of them, it would still not be most of the ten. */
function isSettled(counts: ReadonlyMap<string, Activity>): boolean {
  return [...counts.values()].every(({ reads, onVxlan }) => (onVxlan + sampling.reads - reads) * 2 <= sampling.reads);
}

/** Whether the bridge had any local MAC on the vxlan port when its table was read. */
export function isAnyMisplaced({ tables, endpoints = [] }: NamespaceInput): boolean {
  const macs = endpoints.map(({ mac }) => mac);
  return [...countReads(macs, tables.links, [tables.fdb]).values()].some(({ onVxlan }) => onVxlan > 0);
}
