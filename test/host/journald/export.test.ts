import assert from "node:assert/strict";
import * as fc from "fast-check";
import { type EntryFields, exportParser, type ExportStats } from "../../../host/journald/export.ts";

type Fields = readonly (readonly [name: string, value: string])[];

interface Parsed {
  readonly entries: readonly Fields[];
  readonly stats: ExportStats;
}

function parse(chunks: readonly Buffer[], maxEntryBytes?: number): Parsed {
  const entries: Fields[] = [];
  const take = (fields: EntryFields): void => void entries.push([...fields]);
  const parser = exportParser(take, maxEntryBytes === undefined ? {} : { maxEntryBytes });
  for (const chunk of chunks) parser.push(chunk);
  parser.end();
  return { entries, stats: parser.stats() };
}

const counts = (more: Partial<ExportStats>): ExportStats => ({
  entries: 0,
  malformed: 0,
  oversized: 0,
  cut: 0,
  ...more,
});

const dropped = ({ stats }: Parsed): number => stats.malformed + stats.oversized + stats.cut;

/** As journalctl writes: a value with what can not be printed, or with a newline, has its length before it. */
const field = ([key, text]: readonly [string, string]): Buffer =>
  // oxlint-disable-next-line no-control-regex
  /[\0-\x08\x0a-\x1f\x7f]/u.test(text) ? binary(key, Buffer.from(text)) : Buffer.from(`${key}=${text}\n`);

/** An entry without its end. */
const header = (cursor: string): Buffer => Buffer.from(`__CURSOR=${cursor}\n__REALTIME_TIMESTAMP=1\n`);

function written(entry: Fields): Buffer {
  return Buffer.concat([...entry.map(field), Buffer.from("\n")]);
}

function binary(name: string, value: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(value.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, value, Buffer.from("\n")]);
}

function cutAt(data: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [0, ...places.map((place) => place % (data.length + 1)), data.length].sort((a, b) => a - b);
  return sorted.slice(1).map((end, index) => data.subarray(sorted[index], end));
}

const value = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
  fc.constantFrom(
    "",
    "\n",
    "\n\n",
    "\n\n__CURSOR=forged\nMESSAGE=forged\n\n",
    "a=b",
    "\0",
    "x".repeat(10),
    "\u001B[0m",
  ),
);
const name = fc.stringMatching(/^[A-Z][A-Z0-9_]{0,8}$/u);
const entry = fc
  .uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, maxLength: 6 })
  .map((fields): Fields => [["__CURSOR", "s=1;i=2"], ...fields]);
const cuts = fc.array(fc.nat(), { maxLength: 12 });

describe("host/journald: journalctl's export format", () => {
  it("gives the entries that were written, however the output is cut into chunks", () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 6 }), cuts, (entries, places) => {
        const data = Buffer.concat(entries.map(written));
        const parsed = parse(cutAt(data, places));
        assert.deepEqual(parsed, { entries, stats: counts({ entries: entries.length }) });
      }),
      { numRuns: 500 },
    );
  });

  it("gives the same for every cut also where entries are cut off, too large or not whole", () => {
    const damaged = fc.array(fc.oneof(entry.map(written), fc.constant(Buffer.from("__CURSOR=lost\n"))), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(damaged, fc.nat(), cuts, (parts, end, places) => {
        const whole = Buffer.concat(parts);
        const data = whole.subarray(0, whole.length - (end % 8));
        const [cut, uncut] = [parse(cutAt(data, places), 60), parse([data], 60)];
        assert.deepEqual(cut.entries, uncut.entries);
        assert.equal(dropped(cut), dropped(uncut));
      }),
      { numRuns: 500 },
    );
  });

  it("never throws, and comes to an end, on what is not the format", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 80 })), (chunks) => {
        parse(
          chunks.map((chunk) => Buffer.from(chunk)),
          100,
        );
      }),
    );
  });

  it("finds the next entry after one that journalctl could not read: no blank line is between them", () => {
    const good: Fields = [
      ["__CURSOR", "c2"],
      ["MESSAGE", "good"],
    ];
    const mixed: Fields = [
      ["__CURSOR", "c4"],
      ["MESSAGE", "two\nlines"],
    ];
    const parsed = parse([header("c1"), written(good), header("c3"), written(mixed)]);
    assert.deepEqual(parsed, { entries: [good, mixed], stats: counts({ entries: 2, malformed: 2 }) });
  });

  it("drops what is there of an entry at the end of the output", () => {
    const whole = written([["__CURSOR", "c1"]]);
    const part = Buffer.from("__CURSOR=c2\nMESSAGE=half");
    assert.deepEqual(parse([whole, part]), {
      entries: [[["__CURSOR", "c1"]]],
      stats: counts({ entries: 1, cut: 1 }),
    });
  });

  it("passes over an entry that is too large, and is not fooled by entries within its value", () => {
    const forged = written([
      ["__CURSOR", "forged"],
      ["MESSAGE", "forged"],
    ]);
    const large = Buffer.concat([
      Buffer.from(`__CURSOR=large\nTEXT=${"=x".repeat(4000)}\n`),
      binary("MESSAGE", Buffer.concat([Buffer.from("\n\n"), ...Array.from({ length: 100 }, () => forged)])),
      Buffer.from("\n"),
    ]);
    const good: Fields = [["__CURSOR", "good"]];
    for (const size of [1, 7, 64, 65_536]) {
      const data = Buffer.concat([written(good), large, written(good)]);
      const places = Array.from({ length: Math.floor(data.length / size) }, (_, index) => index * size);
      const parsed = parse(cutAt(data, places), 1000);
      assert.deepEqual(parsed, { entries: [good, good], stats: counts({ entries: 2, oversized: 1 }) }, String(size));
    }
  });

  it("makes U+FFFD of bytes that are not UTF-8, and keeps the last of several values", () => {
    const data = Buffer.concat([
      Buffer.from("__CURSOR=c\nA=1\nA=2\n"),
      binary("B", Buffer.from([0x61, 0xff, 0x0a])),
      Buffer.from("\n"),
    ]);
    assert.deepEqual(parse([data]).entries, [
      [
        ["__CURSOR", "c"],
        ["A", "2"],
        ["B", "a\uFFFD\n"],
      ],
    ]);
  });

  it("goes on with the next entry where the one who is told throws", () => {
    const seen: string[] = [];
    const parser = exportParser((fields) => {
      seen.push(fields.get("__CURSOR") ?? "");
      if (seen.length === 1) throw new Error("no");
    });
    const data = Buffer.concat(["c1", "c2"].map((cursor) => written([["__CURSOR", cursor]])));
    assert.throws(() => parser.push(data), /^Error: no$/u);
    parser.push(written([["__CURSOR", "c3"]]));
    assert.deepEqual(seen, ["c1", "c2", "c3"]);
  });
});
