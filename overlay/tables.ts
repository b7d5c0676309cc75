import { NotAvailable } from "../host/host.ts";
import { runIn } from "../host/iproute2/run.ts";
import { namespaceInode, namespaceKey } from "../host/netns/list.ts";
import { type FdbRow, parseFdbPieces } from "./fdb.ts";
import { type Link, parseLinks } from "./links.ts";
import { type Neighbour, parseNeighbours } from "./neighbours.ts";
import { UnreadableTable } from "./rows.ts";

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

/**
 * All tables of one namespace, by two processes. Throws `NotAvailable` where it is gone, or another one has its name
 * by now; `ProgramError` or `UnreadableTable` where `ip` or `bridge` fail.
 */
export async function readTables(namespace: Place, signal: AbortSignal): Promise<Tables> {
  return steady(namespace, async () => readAll(namespace, signal));
}

/** The devices of one namespace. Throws as `readTables` does. */
export async function readLinksOf(namespace: Place, signal: AbortSignal): Promise<readonly Link[]> {
  return steady(namespace, async () => {
    return parseLinks(await runIn(namespace.path, ["ip", "-j", "-d", "link", "show"], { signal })).rows;
  });
}

/** A path can lead to another namespace by the time that it is entered. */
async function steady<T>({ path, inode }: Place, read: () => Promise<T>): Promise<T> {
  const before = namespaceKey(path);
  if (namespaceInode(path) !== inode) throw new NotAvailable(`the namespace ${inode} is not at ${path} any more`);
  const found = await read();
  if (namespaceKey(path) === before) return found;
  throw new NotAvailable(`the namespace ${path} was taken away while it was read`);
}

async function readAll(namespace: Place, signal: AbortSignal): Promise<Tables> {
  const [both, fdb] = await Promise.all([
    runIn(namespace.path, ["ip", "-4", "-j", "-d", "-batch", "-"], { signal, input: "link show\nneigh show\n" }),
    readFdb(namespace, signal),
  ]);
  const [linkText, neighbourText] = twoLists(both);
  const links = parseLinks(linkText);
  const neighbours = parseNeighbours(neighbourText);
  const unreadable = links.unreadable + fdb.unreadable + neighbours.unreadable;
  return { links: links.rows, fdb: fdb.rows, neighbours: neighbours.rows, unreadable };
}

async function readFdb({ path }: Place, signal: AbortSignal) {
  const rows: FdbRow[] = [];
  let unreadable = 0;
  for (const piece of parseFdbPieces(await runIn(path, ["bridge", "-j", "fdb", "show"], { signal }))) {
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
