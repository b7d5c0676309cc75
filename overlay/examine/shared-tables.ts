import { setTimeout as sleep } from "node:timers/promises";
import type { Host } from "../../host/host.ts";
import type { DiagnoseInput } from "../diagnose/input.ts";

const apartMs = 1000;

/** Tables of the whole host; where that of neighbours is full, it is seen by a second look whether anybody finds no place. */
export async function sharedTablesOf(
  { sharedTables }: Pick<Host["overlays"], "sharedTables">,
  signal: AbortSignal,
): Promise<Pick<DiagnoseInput, "neighbours" | "neighboursRefused" | "conntrack">> {
  const first = sharedTables();
  const { neighbours: before } = first;
  if (before?.refused === undefined || before.used < before.limit * 0.99) return first;
  await sleep(apartMs, undefined, { signal });
  const second = sharedTables();
  const after = second.neighbours?.refused;
  return { ...second, ...(after === undefined ? {} : { neighboursRefused: after - before.refused }) };
}
