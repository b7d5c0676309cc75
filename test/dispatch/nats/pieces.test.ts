import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { Arriving, boundsOf, cut, pack } from "../../../dispatch/nats/pieces.ts";

const piece = (at: number, of: number) => ({ ask: "0".repeat(32), at, of, isTrouble: false });

describe("dispatch/nats: pieces of an answer", () => {
  it("fit what the broker takes at once, and where that is next to nothing they are not made", async () => {
    const packed = await pack(JSON.stringify(Array.from({ length: 20_000 }, (_, at) => at * 7919)));
    for (const size of [8192, 65_536, 2 ** 20]) {
      const pieces = cut(packed, size);
      assert.ok(pieces.every(({ length }) => length > 0 && length <= size - 1024));
      assert.deepEqual(gunzipSync(Buffer.concat(pieces)), gunzipSync(packed));
    }
    for (const size of [0, 1, 1025, 8191])
      assert.throws(() => cut(packed, size), /takes \d+ bytes at once.*8192.*max_payload/u);
  });

  it("are copied: the socket's chunk that one came in is not kept for it", () => {
    const arriving = new Arriving(boundsOf("tables"));
    const chunk = Buffer.from("first--");
    arriving.add(piece(1, 2), chunk.subarray(0, 5));
    chunk.fill("x");
    const come = arriving.add(piece(2, 2), Buffer.from("last"));
    assert.equal(Buffer.from(come?.packed ?? []).toString(), "firstlast");
  });

  it("are no more, and no longer, than the question allows; why there is no answer is short, whatever was asked", () => {
    for (const [kind, most] of [
      ["status", 64 * 1024],
      ["pause", 64 * 1024],
      ["resume", 64 * 1024],
      ["tables", 8 * 1024 * 1024],
    ] as const) {
      const bounds = boundsOf(kind);
      assert.equal(new Arriving(bounds).add(piece(1, 1), Buffer.alloc(most))?.packed.length, most);
      assert.throws(() => new Arriving(bounds).add(piece(1, 1), Buffer.alloc(most + 1)), /bytes/u);
      assert.throws(() => new Arriving(bounds).add(piece(1, most / 1024 + 1), Buffer.alloc(1)), /pieces/u);
      const trouble = { ...piece(1, 1), isTrouble: true };
      assert.throws(() => new Arriving(bounds).add(trouble, Buffer.alloc(64 * 1024 + 1)), /bytes/u);
    }
  });
});
