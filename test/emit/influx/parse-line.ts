/** A value as the shared vectors write it: 64-bit numbers as text, floats as numbers. */
type Value = { int: string } | { uint: string } | { float: number } | { bool: boolean } | { string: string };

export interface ParsedPoint {
  readonly measurement: string;
  /** Sorted by key. */
  readonly tags: readonly (readonly [string, string])[];
  readonly fields: readonly (readonly [string, Value])[];
  /** Nanoseconds since the epoch. */
  readonly time: string;
}

interface Options {
  /** Nanoseconds of one unit of the timestamp. */
  readonly unit?: bigint;
  readonly defaultTime?: bigint;
}

/** A strict reader of the line protocol, by the decode rules of the shared vectors. Throws at the first fault. */
export function parseLines(text: string, { unit = 1n, defaultTime = 0n }: Options = {}): readonly ParsedPoint[] {
  const cursor = { text, at: 0 };
  const points: ParsedPoint[] = [];
  for (;;) {
    take(cursor, /(?: *(?:#[^\n]*)?\r?\n)* */y);
    if (cursor.at === text.length) return points;
    points.push(parsePoint(cursor, unit, defaultTime));
  }
}

interface Cursor {
  readonly text: string;
  at: number;
}

function parsePoint(cursor: Cursor, unit: bigint, defaultTime: bigint): ParsedPoint {
  const measurement = unescape(need(cursor, /(?:\\[, ]|[^, \p{Cc}])+/uy, "a measurement"), /\\([, ])/g);
  const tags = new Map<string, string>();
  while (take(cursor, /,/y) !== undefined) {
    const key = name(cursor, "a tag key");
    need(cursor, /[=]/y, "= behind the tag key");
    const value = name(cursor, "a tag value");
    if (tags.has(key)) throw new Error(`duplicate tag key ${key}`);
    tags.set(key, value);
  }
  need(cursor, / +/y, "a space before the fields");
  const fields: [string, Value][] = [];
  do {
    const key = name(cursor, "a field key");
    need(cursor, /[=]/y, "= behind the field key");
    fields.push([key, fieldValue(cursor)]);
  } while (take(cursor, /,/y) !== undefined);
  const time = take(cursor, / +-?\d+/y);
  need(cursor, / *(?:\r?\n|$)/y, "the end of the line");
  return {
    measurement,
    tags: [...tags].sort(([a], [b]) => (a < b ? -1 : 1)),
    fields,
    time: String(time === undefined ? (defaultTime / unit) * unit : int64(time.trim()) * unit),
  };
}

/** Ends before an unescaped comma, equals sign or space. */
function name(cursor: Cursor, what: string): string {
  return unescape(need(cursor, /(?:\\[,= ]|[^,= \p{Cc}])+/uy, what), /\\([,= ])/g);
}

/** A backslash before any other character stands for itself. */
function unescape(text: string, escape: RegExp): string {
  return text.replaceAll(escape, "$1");
}

function fieldValue(cursor: Cursor): Value {
  const quoted = take(cursor, /"(?:\\[^]|[^"\\])*"/y);
  if (quoted !== undefined) return { string: unquote(quoted) };
  const token = need(cursor, /[^, \n\r"]+/y, "a field value");
  if (/^(?:t|T|true|True|TRUE)$/.test(token)) return { bool: true };
  if (/^(?:f|F|false|False|FALSE)$/.test(token)) return { bool: false };
  if (/^-?\d+i$/.test(token)) return { int: String(int64(token.slice(0, -1))) };
  if (/^\d+u$/.test(token)) return { uint: String(within(BigInt(token.slice(0, -1)), 0n, 2n ** 64n - 1n)) };
  if (!/^-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(token) || !Number.isFinite(Number(token)))
    throw new Error(`not a field value: ${token}`);
  return { float: Number(token) };
}

function unquote(quoted: string): string {
  const letters: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", f: "\f", '"': '"', "\\": "\\" };
  return quoted.slice(1, -1).replaceAll(/\\([^])/g, (both, letter: string) => letters[letter] ?? both);
}

const int64 = (text: string): bigint => within(BigInt(text), -(2n ** 63n), 2n ** 63n - 1n);

function within(value: bigint, low: bigint, high: bigint): bigint {
  if (value < low || value > high) throw new Error(`out of range: ${value}`);
  return value;
}

function need(cursor: Cursor, pattern: RegExp, what: string): string {
  const found = take(cursor, pattern);
  if (found === undefined) throw new Error(`expected ${what} at ${cursor.at} of ${JSON.stringify(cursor.text)}`);
  return found;
}

function take(cursor: Cursor, pattern: RegExp): string | undefined {
  pattern.lastIndex = cursor.at;
  const [found] = pattern.exec(cursor.text) ?? [];
  if (found !== undefined) cursor.at += found.length;
  return found;
}
