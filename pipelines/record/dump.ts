import { runIn } from "../../host/iproute2/run.ts";
import { type FdbRow, parseFdbPieces } from "../../overlay/fdb.ts";
import type { Link } from "../../overlay/links.ts";
import { readTables } from "../../overlay/tables.ts";
import type { PortClass } from "../ports.ts";
import { type Models, portClassOf } from "./intake.ts";
import type { InterfaceModel } from "./interfaces.ts";

/** Rows that are taken in one turn of the event loop: a table may have 100 000. */
const pieceRows = 2000;

const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Place {
  readonly path: string;
  readonly inode: number;
}

/**
 * Puts what the kernel's tables show into the models. `begun` is called when the first table is about to be read and
 * gives the time in microseconds since the epoch. Throws as `readTables` does.
 */
export async function resync(
  netns: Place,
  models: Models,
  local: () => ReadonlyMap<string, string>,
  begun: () => number,
  signal: AbortSignal,
): Promise<void> {
  const at = begun();
  const { links, fdb } = await readTables(netns, signal);
  models.interfaces.dump(links);
  const byName = new Map(links.map((link) => [link.name, link]));
  const places = new Map<string, PortClass>();
  for (let from = 0; from < fdb.length; from += pieceRows) {
    for (const row of fdb.slice(from, from + pieceRows)) placeOf(models, row, byName, places);
    await breathe();
  }
  for (const mac of local().keys()) models.ports.found(mac, places.get(mac), at);
}

/** Rows of the bridge for stations; the permanent ones are the ports' own addresses. */
function placeOf(
  { moves }: Models,
  row: FdbRow,
  byName: ReadonlyMap<string, Link>,
  places: Map<string, PortClass>,
): void {
  if (row.flags.includes("self") && row.dst !== undefined) moves.foundSelfRow(row.mac, row.dst);
  if (row.master === undefined || row.state === "permanent") return;
  const link = byName.get(row.ifname);
  const port = portClassOf(link?.kind);
  places.set(row.mac, port);
  if (link !== undefined) moves.found(row.mac, link.ifindex, port);
}

/** Where the bridge has each MAC now. Throws as `runIn` and `parseFdbPieces` do. */
export async function readPorts(
  { path }: Place,
  interfaces: InterfaceModel,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, PortClass>> {
  const ports = new Map<string, PortClass>();
  for (const { rows } of parseFdbPieces(await runIn(path, ["bridge", "-j", "fdb", "show"], { signal }))) {
    for (const { mac, master, state, ifname } of rows)
      if (master !== undefined && state !== "permanent") ports.set(mac, portClassOf(interfaces.named(ifname)?.kind));
    await breathe();
  }
  return ports;
}
