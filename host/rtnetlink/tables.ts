import type { DumpedTables } from "../host.ts";
import type { DumpKind } from "./request.ts";
import { deviceRows, fdbRows, linkRows, namesOf, neighbourRows } from "./rows.ts";

const nothing = new Uint8Array(0);

/** What was dumped, by kind and in the same order. Rows name their devices: without links they have numbers only. */
export function dumpedTables(kinds: readonly DumpKind[], dumps: readonly Uint8Array[]): DumpedTables {
  const of = (kind: DumpKind): Uint8Array => dumps[kinds.indexOf(kind)] ?? nothing;
  const links = of("links");
  const names = namesOf(links);
  return {
    links: linkRows(links, names),
    fdb: fdbRows(of("fdb"), names),
    neighbours: neighbourRows(of("neighbours"), names),
    devices: kinds.includes("addresses") ? deviceRows(links, of("addresses"), names) : [],
  };
}
