import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseLine } from "../../../emit/dogstatsd/parse.ts";
import { parsePacket } from "./packet.ts";
import { z } from "zod";

const vectorSchema = z.object({
  id: z.string(),
  kind: z.enum(["metric", "event", "service_check", "packet"]),
  line: z.string().default(""),
  line_b64: z.string().optional(),
  valid: z.boolean(),
  expected: z.looseObject({}).optional(),
  options: z
    .strictObject({ read_timestamps: z.boolean().default(true), origin_detection_client: z.boolean().default(false) })
    .prefault({}),
});
type Vector = z.output<typeof vectorSchema>;

const file = join(process.env["OVERLAYWATCH_SHARED"] ?? resolve("../shared"), "vectors/dogstatsd-vectors.json");
const vectors = existsSync(file) ? z.array(vectorSchema).parse(JSON.parse(readFileSync(file, "utf8"))) : [];

// Not part of the project: without the file, the own vectors in parse.test.ts are all there is, and this is no failure.
if (vectors.length === 0)
  process.stderr.write(`no shared vectors: ${file} is not there (OVERLAYWATCH_SHARED names its folder)\n`);

describe("emit/dogstatsd/parse: shared vectors", () => {
  for (const vector of vectors) {
    it(`${vector.id} ${vector.kind}, ${vector.valid ? "valid" : "invalid"}`, () => {
      assert.deepEqual(read(vector), wanted(vector));
    });
  }
});

function read(vector: Vector): unknown {
  const bytes = vector.line_b64 === undefined ? Buffer.from(vector.line) : Buffer.from(vector.line_b64, "base64");
  const { read_timestamps: readTimestamps, origin_detection_client: originDetectionClient } = vector.options;
  const options = { readTimestamps, originDetectionClient };
  if (vector.kind === "packet") return throughJson(parsePacket(bytes, options));
  const parsed = parseLine(bytes, options);
  return parsed.kind === "invalid" ? "invalid" : throughJson(parsed);
}

/** A packet is not valid when one of its lines is not, but what it holds is still expected. */
function wanted(vector: Vector): unknown {
  return vector.expected ?? "invalid";
}

/** The file has `null` for NaN. */
function throughJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
