import { given, macOf, parseRows, readRows, type Row, type Table, textOf, textsOf, wholeOf } from "./rows.ts";

/** One row of the forwarding tables: of the bridge (`master`), or of a device itself (flag `self`). */
export interface FdbRow {
  readonly mac: string;
  readonly ifname: string;
  /** Remote VTEP, in a vxlan device's own row. */
  readonly dst?: string;
  /** This namespace's number for the one that the remote VTEP is reached from. */
  readonly linkNetnsid?: number;
  /** `self`, `sticky`, `extern_learn`, `offload`, ... */
  readonly flags: readonly string[];
  /** The bridge, where it is a row of a bridge. */
  readonly master?: string;
  /** `permanent`, `static`, `stale`, or empty: learned and in use. */
  readonly state: string;
  readonly vlan?: number;
}

const fdbCommand = "bridge -j fdb show";

/** A name of a device holds no colon (dev_valid_name), so this is never inside a text. */
const seam = '},{"mac":"';
const pieceLength = 64 * 1024;

/** Throws `UnreadableTable` where it is no JSON list. */
export function parseFdb(text: string): Table<FdbRow> {
  const rows: FdbRow[] = [];
  let unreadable = 0;
  for (const piece of parseFdbPieces(text)) {
    for (const row of piece.rows) rows.push(row);
    unreadable += piece.unreadable;
  }
  return { rows, unreadable };
}

/** As `parseFdb`, some hundred rows at a time: a table of 100 000 rows takes 0.1 s, too long for one turn. */
export function* parseFdbPieces(text: string): Generator<Table<FdbRow>, void, undefined> {
  let from = 0;
  for (;;) {
    const at = text.indexOf(seam, from + pieceLength);
    const piece = at < 0 ? text.slice(from) : `${text.slice(from, at)}}]`;
    yield readRows(parseRows(from === 0 ? piece : `[${piece}`, fdbCommand), readFdbRow);
    if (at < 0) return;
    from = at + 2;
  }
}

const rowsAtOnce = 500;

/** From rows as `bridge fdb show` prints them, some hundred at a time. */
export function* readFdbPieces(values: Iterable<unknown>): Generator<Table<FdbRow>, void, undefined> {
  let piece: unknown[] = [];
  for (const value of values) {
    if (piece.push(value) < rowsAtOnce) continue;
    yield readRows(piece, readFdbRow);
    piece = [];
  }
  yield readRows(piece, readFdbRow);
}

function readFdbRow(row: Row): FdbRow | undefined {
  const mac = macOf(row["mac"]);
  const ifname = textOf(row["ifname"]);
  if (mac === undefined || ifname === undefined) return undefined;
  return {
    mac,
    ifname,
    ...given("dst", textOf(row["dst"])),
    ...given("linkNetnsid", wholeOf(row["linkNetNsId"])),
    flags: textsOf(row["flags"]),
    ...given("master", textOf(row["master"])),
    state: textOf(row["state"]) ?? "",
    ...given("vlan", wholeOf(row["vlan"])),
  };
}
