import assert from "node:assert/strict";
import * as fc from "fast-check";
import { jsonLines } from "../../../host/docker/lines.ts";

async function* chunked(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (let n = 0; from < bytes.length; n++) {
    const size = Math.max(1, sizes[n % sizes.length] ?? 1);
    yield bytes.subarray(from, from + size);
    from += size;
  }
}

async function countLines(text: string): Promise<number> {
  let lines = 0;
  for await (const _ of jsonLines(chunked(Buffer.from(text), [3]), 10)) lines++;
  return lines;
}

describe("host/docker/lines", () => {
  it("gives the same objects however the bytes are cut, also inside a character", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.object({ withNullPrototype: false })),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        async (objects, sizes) => {
          const texts = objects.map((object) => JSON.stringify({ object, sign: "ß→🐳" }));
          const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(""));
          const got: unknown[] = [];
          for await (const line of jsonLines(chunked(bytes, sizes), 1_000_000)) got.push(line);
          assert.deepEqual(
            got,
            texts.map((text): unknown => JSON.parse(text)),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it("counts a line's length over chunks, and not that of several lines together", async () => {
    assert.equal(await countLines('"12345678"\n'.repeat(5)), 5);
    await assert.rejects(countLines('"123456789"\n'), /more than 10 bytes/);
  });
});
