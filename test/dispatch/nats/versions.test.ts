import assert from "node:assert/strict";
import { presenceSchema, toldSchema } from "../../../dispatch/nats/protocol.ts";

/** As commit 67c8aef, of before `fleet status`, has it. */
const [presence, told] = [
  { v: 1, host: "a", version: "0", mode: "auto" },
  { v: 1, id: "x", trace: "y", state: "healed", message: "z", at: 0 },
];

describe("dispatch/nats: hosts of another version", () => {
  it("are heard: those of an older one", () => {
    assert.deepEqual(presenceSchema.parse(presence), presence);
    assert.deepEqual(toldSchema.parse(told), told);
  });

  it("are heard: those of a newer one, but for what is new of them", () => {
    assert.deepEqual(presenceSchema.parse({ ...presence, fleetUntil: 5, newer: { x: 1 } }), {
      ...presence,
      fleetUntil: 5,
    });
    assert.deepEqual(toldSchema.parse({ ...told, own: true, newer: 1 }), { ...told, own: true });
  });

  it("are not heard with fields that are not what they are", () => {
    for (const wrong of [{ fleetUntil: "5" }, { paused: 1 }, { inForce: "x" }, { v: 2 }, { host: undefined }])
      assert.ok(!presenceSchema.safeParse({ ...presence, ...wrong }).success, JSON.stringify(wrong));
    for (const wrong of [{ own: false }, { state: "x" }, { v: 2 }])
      assert.ok(!toldSchema.safeParse({ ...told, ...wrong }).success, JSON.stringify(wrong));
  });
});
