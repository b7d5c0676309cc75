import assert from "node:assert/strict";
import * as fc from "fast-check";
import { lineCutter } from "../../../pipelines/record/lines.ts";

describe("pipelines/record/lines", () => {
  it("gives the same lines however the bytes are cut, also inside a character", () => {
    const text = fc.string({ unit: "grapheme" }).map((line) => line.replaceAll("\n", " "));
    fc.assert(
      fc.property(fc.array(text), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (lines, sizes) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
        const { take } = lineCutter();
        const got: string[] = [];
        for (let from = 0, n = 0; from < bytes.length; n++) {
          const size = sizes[n % sizes.length] ?? 1;
          got.push(...take(Buffer.from(bytes.subarray(from, from + size))));
          from += size;
        }
        assert.deepEqual(got, lines);
      }),
    );
  });

  it("does not keep a line that never ends, and reads the one after it", () => {
    const { take } = lineCutter();
    for (let n = 0; n < 5000; n++) assert.deepEqual(take(Buffer.alloc(4096, "x")), []);
    assert.deepEqual(take(Buffer.from("x\nnext\n")), ["", "next"]);
    assert.deepEqual(take(Buffer.from("whole\n")), ["whole"]);
  });

  it("does not depend on a buffer that its owner uses again", () => {
    const { take } = lineCutter();
    const chunk = Buffer.from("abc");
    take(chunk);
    chunk.fill("z");
    assert.deepEqual(take(Buffer.from("d\n")), ["abcd"]);
  });
});
