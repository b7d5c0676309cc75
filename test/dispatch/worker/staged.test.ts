import assert from "node:assert/strict";
import * as fc from "fast-check";
import { inForce } from "../../../dispatch/worker/staged.ts";

const hosts = Array.from({ length: 2000 }, (_, n) => `web-${n}.example.com`);
const healing = (share: number): readonly string[] =>
  hosts.filter((host) => inForce("auto", host, { hosts: [], share }) === "auto");

describe("dispatch/worker: auto in stages", () => {
  it("takes so many of all hosts, and none out that a smaller share took in", () => {
    for (const [share, least, most] of [
      [0, 0, 0],
      [1, 8, 36],
      [25, 440, 560],
      [100, 2000, 2000],
    ] as const) {
      const { length } = healing(share);
      assert.ok(length >= least && length <= most, `${length} of 2000 at ${share} %`);
    }
    const more = new Set(healing(30));
    assert.ok(healing(10).every((host) => more.has(host)));
  });

  it("takes in who is named, holds the others back to asking, and leaves the other modes as they are", () => {
    const named = { hosts: ["web-1.example.com"], share: 0 };
    assert.equal(inForce("auto", "web-1.example.com", named), "auto");
    assert.equal(inForce("auto", "web-2.example.com", named), "approve");
    fc.assert(
      fc.property(
        fc.constantFrom("observe", "approve"),
        fc.string(),
        fc.integer({ min: 0, max: 100 }),
        (mode, host, share) => assert.equal(inForce(mode, host, { hosts: [host], share }), mode),
      ),
    );
  });
});
