import assert from "node:assert/strict";
import * as fc from "fast-check";
import { unpackLzw } from "../../../host/serf/lzw.ts";

/** Go's writer: 9 to 12 bits, a new table once 4095 is reached, and 257 at the end. */
function packed(plain: Uint8Array): Buffer {
  const out: number[] = [];
  let [bits, held, width, highest] = [0n, 0n, 9n, 257];
  let table = new Map<string, number>();
  const write = (code: number) => {
    bits |= BigInt(code) << held;
    for (held += width; held >= 8n; held -= 8n) {
      out.push(Number(bits & 0xffn));
      bits >>= 8n;
    }
  };
  write(256);
  let text = "";
  const codeOf = (of: string) => (of.length === 1 ? of.charCodeAt(0) : table.get(of)!);
  const grow = (entry: string | undefined) => {
    highest++;
    if (highest === 1 << Number(width)) width++;
    if (entry !== undefined) table.set(entry, highest);
    if (highest < 4095) return;
    write(256);
    table = new Map<string, number>();
    [width, highest] = [9n, 257];
  };
  for (const byte of plain) {
    const next = text + String.fromCharCode(byte);
    if (next.length === 1 || table.has(next)) text = next;
    else {
      write(codeOf(text));
      grow(next);
      text = String.fromCharCode(byte);
    }
  }
  if (text !== "") {
    write(codeOf(text));
    grow(undefined);
  }
  write(257);
  if (held > 0n) out.push(Number(bits & 0xffn));
  return Buffer.from(out);
}

describe("host/serf/lzw", () => {
  it("unpacks what Go's writer packs, through every width and a table that begins anew", () => {
    const few = fc.uint8Array({ maxLength: 3000, max: 3 });
    const many = fc.uint8Array({ minLength: 5000, maxLength: 20_000 });
    fc.assert(
      fc.property(fc.oneof(few, many), (plain) => {
        assert.ok(unpackLzw(packed(plain), 1e6).equals(plain));
      }),
      { numRuns: 60 },
    );
  });

  it("refuses what breaks off, what is no code, and what grows too long", () => {
    const whole = packed(Buffer.from("a".repeat(1000)));
    assert.throws(() => unpackLzw(whole.subarray(0, 10), 1e6), /breaks off/);
    assert.throws(() => unpackLzw(whole, 100), /more than 100 bytes/);
    // 256, then 511 at once; 65, and then 511 where only 258 could come.
    assert.throws(() => unpackLzw(Buffer.of(0x00, 0xff, 0xff), 1e6), /unknown code 511/);
    assert.throws(() => unpackLzw(Buffer.of(0x41, 0xfe, 0xff), 1e6), /unknown code 511/);
  });

  it("ends on any bytes at all", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
        try {
          unpackLzw(bytes, 1e5);
        } catch (error) {
          assert.ok(error instanceof Error && /packed message/.test(error.message));
        }
      }),
    );
  });
});
