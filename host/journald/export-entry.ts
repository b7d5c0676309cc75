/** The fields of one entry. Where a field is there several times, its last value counts. */
export type EntryFields = ReadonlyMap<string, string>;

/** Every entry begins with it. */
export const first = "__CURSOR";

/** A field of systemd has 768 MiB at most (journald's DATA_SIZE_MAX): what claims more is no length. */
const longestField = 2 ** 30;

const [newline, equals] = [0x0a, 0x3d];

/** An entry whose fields are all lines of text. Undefined where it is not such a one: then it is for `mixedEntry`. */
export function textEntry(text: string): EntryFields | undefined {
  const fields = new Map<string, string>();
  for (let at = 0; at < text.length;) {
    const found = text.indexOf("\n", at);
    const end = found === -1 ? text.length : found;
    const middle = text.indexOf("=", at);
    if (middle === -1 || middle > end) return undefined;
    const name = text.slice(at, middle);
    if (name === first && fields.size > 0) return undefined;
    fields.set(name, text.slice(middle + 1, end));
    at = end + 1;
  }
  return fields;
}

export interface Found {
  /** Undefined where it is broken off: the next entry begins without the blank line between. */
  readonly fields: EntryFields | undefined;
  /** Where the next entry begins. */
  readonly next: number;
}

/** An entry of both forms; `"part"` where its end has not come yet, `"bad"` where it can not be one. */
export function mixedEntry(data: Buffer, start: number): Found | "part" | "bad" {
  const fields = new Map<string, string>();
  for (let at = start; at < data.length;) {
    if (data[at] === newline) return { fields, next: at + 1 };
    const field = fieldAt(data, at);
    if (typeof field === "string") return field;
    // journalctl stops in the middle of an entry that it can not read (output_export in logs-show.c).
    if (field.name === first && fields.size > 0) return { fields: undefined, next: at };
    fields.set(field.name, data.toString("utf8", field.from, field.to));
    at = field.to + 1;
  }
  return "part";
}

interface Field {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** `NAME=value\n`, or `NAME\n`, the length in 64 bits, little endian, the value, `\n`. */
function fieldAt(data: Buffer, at: number): Field | "part" | "bad" {
  const end = data.indexOf(newline, at);
  if (end === -1) return "part";
  const middle = data.subarray(at, end).indexOf(equals);
  if (middle !== -1) return { name: data.toString("latin1", at, at + middle), from: at + middle + 1, to: end };
  const length = lengthAt(data, end + 1);
  if (typeof length === "string") return length;
  const [from, to] = [end + 9, end + 9 + length];
  if (to >= data.length) return "part";
  return data[to] === newline ? { name: data.toString("latin1", at, end), from, to } : "bad";
}

/** Bytes of a value, from the 8 bytes before it: "part" where not all of them are there, "bad" where no field is so long. */
export function lengthAt(data: Buffer, at: number): number | "part" | "bad" {
  if (at + 8 > data.length) return "part";
  const length = data.readBigUInt64LE(at);
  return length > longestField ? "bad" : Number(length);
}

export const isWhole = (fields: EntryFields): boolean => fields.has(first);
