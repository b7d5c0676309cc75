import type { FdbRow } from "../fdb.ts";
import type { Link } from "../links.ts";
import type { Activity } from "./input.ts";
import { decidingRow } from "./view.ts";

/** For each of the MACs, in how many of several readings of the table it was on a vxlan port. */
export function countReads(
  macs: readonly string[],
  links: readonly Link[],
  readings: readonly (readonly FdbRow[])[],
): ReadonlyMap<string, Activity> {
  const vxlans = new Set(links.filter(({ kind }) => kind === "vxlan").map(({ name }) => name));
  const counts = new Map(macs.map((mac) => [mac, 0]));
  for (const rows of readings) {
    for (const mac of onVxlan(rows, vxlans)) {
      const count = counts.get(mac);
      if (count !== undefined) counts.set(mac, count + 1);
    }
  }
  return new Map([...counts].map(([mac, count]) => [mac, { reads: readings.length, onVxlan: count }]));
}

/** Each MAC once, whatever rows it has. */
function onVxlan(rows: readonly FdbRow[], vxlans: ReadonlySet<string>): ReadonlySet<string> {
  const ports = new Map<string, FdbRow>();
  for (const row of rows) {
    if (row.master === undefined || row.flags.includes("self")) continue;
    ports.set(row.mac, decidingRow(ports.get(row.mac), row));
  }
  return new Set([...ports.values()].filter(({ ifname }) => vxlans.has(ifname)).map(({ mac }) => mac));
}
