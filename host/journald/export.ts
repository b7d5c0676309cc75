import { type EntryFields, isWhole, mixedEntry, textEntry } from "./export-entry.ts";
import { skipper, type Skipper } from "./export-skip.ts";

export type { EntryFields } from "./export-entry.ts";

/** Reads `journalctl -o export` as it comes. */
export interface ExportParser {
  /** The chunk is not to be changed afterwards. */
  readonly push: (chunk: Buffer) => void;
  /** No more will come: what is there of an entry is dropped. */
  readonly end: () => void;
  readonly stats: () => ExportStats;
}

export interface ExportStats {
  /** Given to `onEntry`. */
  readonly entries: number;
  /** Dropped: journalctl could not read it to its end (a damaged file), or it breaks the format. */
  readonly malformed: number;
  /** Dropped: larger than `maxEntryBytes`. */
  readonly oversized: number;
  /** Dropped: the output ended within it. */
  readonly cut: number;
}

/** Bytes that are not UTF-8 become U+FFFD. An error that `onEntry` throws comes out of `push`, and costs no other entry. */
export function exportParser(
  onEntry: (fields: EntryFields) => void,
  { maxEntryBytes = 1024 * 1024 }: { readonly maxEntryBytes?: number } = {},
): ExportParser {
  const parsing: Parsing = {
    onEntry,
    maxEntryBytes,
    tally: { entries: 0, malformed: 0, oversized: 0, cut: 0 },
    data: nothing,
    at: 0,
    skip: undefined,
  };
  return {
    push: (chunk) => push(parsing, chunk),
    end: () => {
      if (parsing.at < parsing.data.length && parsing.skip === undefined) parsing.tally.cut++;
      [parsing.data, parsing.at, parsing.skip] = [nothing, 0, undefined];
    },
    stats: () => ({ ...parsing.tally }),
  };
}

const nothing = Buffer.alloc(0);
const blankLine = Buffer.from("\n\n");
const newline = 0x0a;

interface Parsing {
  readonly onEntry: (fields: EntryFields) => void;
  readonly maxEntryBytes: number;
  readonly tally: { entries: number; malformed: number; oversized: number; cut: number };
  data: Buffer;
  /** Up to here `data` is done with. */
  at: number;
  /** In the middle of an entry that is too large. */
  skip: Skipper | undefined;
}

function push(parsing: Parsing, chunk: Buffer): void {
  const rest = parsing.data.subarray(parsing.at);
  parsing.data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
  parsing.at = 0;
  while (parsing.at < parsing.data.length && step(parsing));
}

/** One entry. False where its end has not come yet. */
function step(parsing: Parsing): boolean {
  const { data, at, skip } = parsing;
  if (skip !== undefined) return pass(parsing, skip);
  if (data[at] === newline) return goTo(parsing, at + 1);
  const end = data.indexOf(blankLine, at);
  if (end === -1) return tooLarge(parsing, data.length);
  // What ends an entry in text may also stand within a binary value: then there is a line without `=` before it.
  const fields = textEntry(data.toString("utf8", at, end));
  if (fields === undefined) return mixed(parsing, end + blankLine.length);
  return tooLarge(parsing, end + blankLine.length) || take(parsing, fields, end + blankLine.length);
}

function mixed(parsing: Parsing, afterBlank: number): boolean {
  const { data, at } = parsing;
  const found = mixedEntry(data, at);
  if (found === "part") return tooLarge(parsing, data.length);
  if (found === "bad") return take(parsing, undefined, afterBlank);
  return tooLarge(parsing, found.next) || take(parsing, found.fields, found.next);
}

function take(parsing: Parsing, fields: EntryFields | undefined, next: number): boolean {
  // Before it is told: it may throw.
  goTo(parsing, next);
  if (fields === undefined || !isWhole(fields)) {
    parsing.tally.malformed++;
  } else {
    parsing.tally.entries++;
    parsing.onEntry(fields);
  }
  return true;
}

function tooLarge(parsing: Parsing, end: number): boolean {
  if (end - parsing.at <= parsing.maxEntryBytes) return false;
  parsing.tally.oversized++;
  parsing.skip = skipper();
  return true;
}

function pass(parsing: Parsing, skip: Skipper): boolean {
  const { at, done } = skip.pass(parsing.data.subarray(parsing.at));
  if (done) parsing.skip = undefined;
  return goTo(parsing, parsing.at + at) && done;
}

function goTo(parsing: Parsing, at: number): boolean {
  parsing.at = at;
  return true;
}
