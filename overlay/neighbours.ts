import { parseIpv4 } from "../host/ipv4.ts";
import { given, macOf, parseRows, readRows, type Row, type Table, textOf, textsOf } from "./rows.ts";

/** One row of the IPv4 neighbour (ARP) table. */
export interface Neighbour {
  readonly ip: string;
  readonly dev: string;
  /** Missing while it is asked for, or where nobody answered. */
  readonly mac?: string;
  /** `PERMANENT`, `REACHABLE`, `STALE`, `FAILED`, `NOARP`, ...; more than one is possible. */
  readonly state: readonly string[];
}

const neighboursCommand = "ip -j -4 neigh show";

/** Throws `UnreadableTable` where it is no JSON list. */
export function parseNeighbours(text: string): Table<Neighbour> {
  return readNeighbours(parseRows(text, neighboursCommand));
}

/** From rows as `ip -4 neigh show` prints them. */
export function readNeighbours(values: Iterable<unknown>): Table<Neighbour> {
  return readRows(values, readNeighbour);
}

function readNeighbour(row: Row): Neighbour | undefined {
  const ip = textOf(row["dst"]);
  const dev = textOf(row["dev"]);
  if (ip === undefined || dev === undefined || parseIpv4(ip) === undefined) return undefined;
  return { ip, dev, ...given("mac", macOf(row["lladdr"])), state: textsOf(row["state"]) };
}
