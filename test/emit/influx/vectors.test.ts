import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { encodeLine, escapeText, type FieldValue } from "../../../emit/influx/line.ts";
import { parseLines } from "./parse-line.ts";

const text = z.string();
const fieldSchema = z.union([
  z.strictObject({ int: text.transform(BigInt) }),
  // telegraf has no unsigned integers unless asked, and neither have we.
  z.strictObject({ uint: text.transform(BigInt) }),
  z.strictObject({ float: z.union([z.number(), text.transform(Number)]) }),
  z.strictObject({ bool: z.boolean() }),
  z.strictObject({ string: text }),
]);
const pairs = z.array(z.tuple([text, text]));
const common = { id: text, valid: z.boolean() };
const vectorSchema = z.discriminatedUnion("op", [
  z.object({
    ...common,
    op: z.literal("encode"),
    line: text.nullable(),
    point: z.object({
      measurement: text,
      tags: pairs,
      fields: z.array(z.tuple([text, fieldSchema])),
      time: text.transform(BigInt),
    }),
  }),
  z.object({
    ...common,
    op: z.literal("escape"),
    line: text,
    part: z.enum(["measurement", "tag", "quoted"]),
    raw: text,
  }),
  z.object({
    ...common,
    op: z.literal("decode"),
    line: text,
    precision: z.enum(["1ns", "1µs", "1ms", "1s"]),
    default_time: text.transform(BigInt),
    expected: z.unknown().optional(),
  }),
]);
type Vector = z.output<typeof vectorSchema>;

const file = join(process.env["OVERLAYWATCH_SHARED"] ?? resolve("../shared"), "vectors/influx-vectors.json");
const vectors = existsSync(file) ? z.array(vectorSchema).parse(JSON.parse(readFileSync(file, "utf8"))) : [];

if (vectors.length === 0)
  process.stderr.write(`no shared vectors: ${file} is not there (OVERLAYWATCH_SHARED names its folder)\n`);

describe("emit/influx/line: shared vectors", () => {
  for (const vector of vectors) {
    it(`${vector.id} ${vector.op}, ${vector.valid ? "valid" : "invalid"}`, () => check(vector));
  }
});

function check(vector: Vector): void {
  if (vector.op === "escape") assert.equal(escapeText(vector.part, vector.raw), vector.line);
  // The decode vectors hold the tests' own reader to account, the judge of what the program prints.
  else if (vector.op === "decode") assert.deepEqual(decoded(vector), vector.expected);
  else {
    const { tags, fields, ...rest } = vector.point;
    const values = fields.map(([key, value]) => [key, Object.values(value)[0]!] satisfies [string, FieldValue]);
    assert.equal(encodeLine({ ...rest, tags: Object.fromEntries(tags), fields: values }), vector.line ?? undefined);
  }
}

const units = { "1ns": 1n, "1µs": 1000n, "1ms": 1_000_000n, "1s": 1_000_000_000n };

function decoded(vector: Extract<Vector, { op: "decode" }>): unknown {
  try {
    return parseLines(vector.line, { unit: units[vector.precision], defaultTime: vector.default_time });
  } catch {
    return undefined;
  }
}
