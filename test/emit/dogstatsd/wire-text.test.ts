import assert from "node:assert/strict";
import * as fc from "fast-check";
import { tagMemory, wireGlobalTag, wireMessage, wireName, wireTag } from "../../../emit/dogstatsd/wire-text.ts";

describe("emit/dogstatsd/wire-text", () => {
  it("makes a name of letters, digits, underscores and dots that starts with a letter", () => {
    assert.equal(wireName("net.bytes_rcvd"), "net.bytes_rcvd");
    assert.equal(wireName("_9.a-b c|d:é\n"), "a_b_c_d___");
    assert.equal(wireName("_9."), undefined);
    assert.equal(wireName("a".repeat(200))?.length, 200);
    assert.equal(wireName("a".repeat(201)), undefined);
  });

  it("cuts a tag at 200 characters and never within one", () => {
    assert.equal(wireTag("k", "🙂".repeat(198))?.text, `k:${"🙂".repeat(198)}`);
    assert.equal(wireTag("k", "🙂".repeat(199))?.text, `k:${"🙂".repeat(198)}`);
    assert.equal(wireGlobalTag(`k:${"é".repeat(300)}`)?.bytes, 2 + 2 * 198);
  });

  it("drops a tag that says nothing, and a colon at the end", () => {
    for (const [key, value] of [
      ["", "x"],
      ["k", ""],
      [" ", "x"],
      ["k", "\n"],
    ] as const) {
      assert.equal(wireTag(key, value), undefined, JSON.stringify([key, value]));
    }
    assert.equal(wireTag("k", "a::")?.text, "k:a");
    for (const tag of ["", " ", ":", ":a"]) assert.equal(wireGlobalTag(tag), undefined, JSON.stringify(tag));
    assert.deepEqual(wireGlobalTag("canary"), { key: "", text: "canary", bytes: 6 });
  });

  it("lets only us set the tags that the agent acts on", () => {
    assert.equal(wireTag("dd.internal.card", "high")?.text, "dd_internal_card:high");
    assert.equal(wireTag("DD.internal.entity_id", "x")?.text, "dd_internal_entity_id:x");
    assert.equal(wireGlobalTag("dd.internal.card:none")?.text, "dd.internal.card:none");
  });

  it("tells a key with a colon from a value with one, remembered too", () => {
    const remembered = tagMemory();
    for (const [key, value] of [
      ["a:b", "c"],
      ["a", "b:c"],
      ["a:b", "c"],
    ] as const) {
      assert.deepEqual(remembered(key, value), wireTag(key, value));
    }
  });

  it("forgets before it grows without bound, and stays right", () => {
    const remembered = tagMemory();
    for (let index = 0; index < 45_000; index += 1) {
      assert.equal(remembered("container", `c${index}`)?.text, `container:c${index}`);
    }
  });

  it("cuts a message to bytes between two characters", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.integer({ min: -5, max: 40 }), (text, max) => {
        const cut = wireMessage(text, max);
        assert.ok(Buffer.byteLength(cut) <= Math.max(0, max));
        assert.ok(wireMessage(text, 10_000).startsWith(cut) && !/[\n\r|]/.test(cut));
      }),
    );
  });
});
