/** One JSON object as it was read, of iproute2 or of a store. */
export type Row = Readonly<Record<string, unknown>>;

/** What was read of a table, and how many of its rows could not be: those are left out, never the whole. */
export interface Table<T> {
  readonly rows: readonly T[];
  readonly unreadable: number;
}

/** iproute2 gave something that is not a JSON list. */
export class UnreadableTable extends Error {
  override readonly name = "UnreadableTable";
}

/** An empty text is an empty table: some versions print nothing for a table without rows. */
export function parseRows(text: string, what: string): readonly unknown[] {
  if (text.trim() === "") return [];
  const value = parseJson(text, what);
  if (!Array.isArray(value)) throw new UnreadableTable(`${what}: not a list: ${JSON.stringify(text.slice(0, 80))}`);
  return value;
}

/** A device's name may hold control characters, all but white space, and iproute2 prints them into its JSON as they are. */
function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    try {
      return JSON.parse(text.replaceAll(/(?!\s)\p{Cc}/gu, "?"));
    } catch {
      throw new UnreadableTable(`${what}: not JSON: ${JSON.stringify(text.slice(0, 80))}`, { cause });
    }
  }
}

/** `read` gives undefined for a row that it can not make sense of. An empty object, as `-d` prints for rows that a filter left out, is no row. */
export function readRows<T>(values: Iterable<unknown>, read: (row: Row) => T | undefined): Table<T> {
  const rows: T[] = [];
  let unreadable = 0;
  for (const value of values) {
    const row = isRow(value) ? read(value) : undefined;
    if (row !== undefined) rows.push(row);
    else if (!isRow(value) || Object.keys(value).length > 0) unreadable++;
  }
  return { rows, unreadable };
}

function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** One object, such as a store keeps; an empty one where the text is none. */
export function rowIn(text: string): Row {
  try {
    const value: unknown = JSON.parse(text);
    return isRow(value) ? value : {};
  } catch {
    return {};
  }
}

/** What lies below; undefined where any part of the way is missing. */
export function inside(row: Row, ...keys: readonly string[]): Row {
  return keys.reduce<Row>((at, key) => {
    const next = at[key];
    return isRow(next) ? next : {};
  }, row);
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function wholeOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** In lower case; undefined for what is no MAC. */
export function macOf(value: unknown): string | undefined {
  const text = textOf(value)?.toLowerCase();
  return text !== undefined && /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(text) ? text : undefined;
}

/** The property where there is a value, else nothing: for optional properties. */
export function given<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } | undefined;
export function given(key: string, value: unknown) {
  return value === undefined ? undefined : { [key]: value };
}
