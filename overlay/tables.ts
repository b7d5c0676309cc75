import { NotAvailable, type OverlayView } from "../host/host.ts";
import { liveEntry } from "../host/netns/live.ts";
import { type FdbRow, parseFdbPieces, readFdbPieces } from "./fdb.ts";
import { type Link, parseLinks, readLinks } from "./links.ts";
import { type Neighbour, parseNeighbours, readNeighbours } from "./neighbours.ts";
import { type Table, UnreadableTable } from "./rows.ts";

/** The tables of one namespace, read within some milliseconds of each other. */
export interface Tables {
  readonly links: readonly Link[];
  readonly fdb: readonly FdbRow[];
  readonly neighbours: readonly Neighbour[];
  /** Rows in them that made no sense and are left out. */
  readonly unreadable: number;
}

interface Place {
  readonly path: string;
  readonly inode: number;
}

/** The way into a namespace; that of this very machine unless told. */
export type Entry = Pick<OverlayView, "run" | "keyOf" | "inodeOf" | "dump">;

/**
 * All tables of one namespace, by two processes where they can not be dumped without. Throws `NotAvailable` where it is gone, or another one has its name
 * by now; `ProgramError` or `UnreadableTable` where `ip` or `bridge` fail.
 */
export async function readTables(namespace: Place, signal: AbortSignal, entry: Entry = liveEntry): Promise<Tables> {
  return steady(namespace, entry, async () => readAll(namespace, entry, signal));
}

/** The devices of one namespace. Throws as `readTables` does. */
export async function readLinksOf(
  namespace: Place,
  signal: AbortSignal,
  entry: Entry = liveEntry,
): Promise<readonly Link[]> {
  return steady(namespace, entry, async () => {
    return parseLinks(await entry.run(namespace.path, ["ip", "-j", "-d", "link", "show"], { signal })).rows;
  });
}

/** The forwarding rows of one namespace, by one process or none. Throws as `readTables` does. */
export async function readFdbOf(namespace: Place, signal: AbortSignal, entry: Entry): Promise<readonly FdbRow[]> {
  return steady(namespace, entry, async () => (await readFdb(namespace, entry, signal)).rows);
}

/** A path can lead to another namespace by the time that it is entered. */
async function steady<T>({ path, inode }: Place, { keyOf, inodeOf }: Entry, read: () => Promise<T>): Promise<T> {
  const before = keyOf(path);
  if (inodeOf(path) !== inode) throw new NotAvailable(`the namespace ${inode} is not at ${path} any more`);
  const found = await read();
  if (keyOf(path) === before) return found;
  throw new NotAvailable(`the namespace ${path} was taken away while it was read`);
}

async function readAll(namespace: Place, entry: Entry, signal: AbortSignal): Promise<Tables> {
  const { path, inode } = namespace;
  const dumped = await entry.dump?.({ path, inode, kinds: ["links", "fdb", "neighbours"] }, signal);
  if (dumped === undefined) return readAllByPrograms(namespace, entry, signal);
  return joined(readLinks(dumped.links), await inPieces(readFdbPieces(dumped.fdb)), readNeighbours(dumped.neighbours));
}

async function readAllByPrograms(namespace: Place, entry: Entry, signal: AbortSignal): Promise<Tables> {
  const input = "link show\nneigh show\n";
  const [both, fdb] = await Promise.all([
    entry.run(namespace.path, ["ip", "-4", "-j", "-d", "-s", "-batch", "-"], { signal, input }),
    readFdbByProgram(namespace, entry, signal),
  ]);
  const [linkText, neighbourText] = twoLists(both);
  return joined(parseLinks(linkText), fdb, parseNeighbours(neighbourText));
}

function joined(links: Table<Link>, fdb: Table<FdbRow>, neighbours: Table<Neighbour>): Tables {
  const unreadable = links.unreadable + fdb.unreadable + neighbours.unreadable;
  return { links: links.rows, fdb: fdb.rows, neighbours: neighbours.rows, unreadable };
}

async function readFdb(namespace: Place, entry: Entry, signal: AbortSignal): Promise<Table<FdbRow>> {
  const { path, inode } = namespace;
  const dumped = await entry.dump?.({ path, inode, kinds: ["links", "fdb"] }, signal);
  return dumped === undefined ? readFdbByProgram(namespace, entry, signal) : inPieces(readFdbPieces(dumped.fdb));
}

async function readFdbByProgram({ path }: Place, { run }: Entry, signal: AbortSignal): Promise<Table<FdbRow>> {
  return inPieces(parseFdbPieces(await run(path, ["bridge", "-j", "fdb", "show"], { signal })));
}

/** A table of 100 000 rows takes 0.1 s: others get their turn between two pieces. */
async function inPieces(pieces: Iterable<Table<FdbRow>>): Promise<Table<FdbRow>> {
  const rows: FdbRow[] = [];
  let unreadable = 0;
  for (const piece of pieces) {
    for (const row of piece.rows) rows.push(row);
    unreadable += piece.unreadable;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return { rows, unreadable };
}

/** Each command of a batch prints a list on a line of its own. */
export function twoLists(text: string): readonly [string, string] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const [links, neighbours = ""] = lines;
  if (links === undefined || lines.length > 2)
    throw new UnreadableTable(
      `ip -batch: ${lines.length} lines where one for links and one for neighbours is expected`,
    );
  return [links, neighbours];
}
