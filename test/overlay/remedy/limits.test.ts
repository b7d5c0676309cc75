import assert from "node:assert/strict";
import * as fc from "fast-check";
import { after, fleetPause, killSwitch, type Limits, noLimitsYet, pause } from "../../../overlay/remedy/limits.ts";
import { standstill } from "../../../overlay/remedy/plan.ts";
import { decodeLimits, encodeLimits } from "../../../overlay/remedy/limits-file.ts";

const full: Limits = {
  version: 1,
  heals: [{ at: 1000, netns: "1-0123456789", mac: "02:42:0a:00:00:02" }],
  pins: [{ at: 9, networkId: "3acafc45f1", mac: "02:42:0a:00:00:02" }],
  paused: { until: Number.MAX_SAFE_INTEGER, reason: "upgrade" },
  fleet: { until: 8, reason: "storm", lifted: true },
  killed: { at: 5, reason: "audit" },
  breaker: { at: 7, reason: "too many" },
};

describe("overlay/remedy: the limits", () => {
  it("are read back as they were written, empty and full", () => {
    for (const limits of [noLimitsYet, full]) assert.deepEqual(decodeLimits(encodeLimits(limits)), limits);
  });

  it("that cannot be read are an error, not an empty state", () => {
    for (const text of [
      "",
      "null",
      "[]",
      '{"version":1}',
      '{"version":2,"heals":[]}',
      '{"version":1,"heals":[{"at":-1}]}',
      '{"version":1,"heals":[],"fleet":{"until":1}}',
      '{"version":1,"heals":[],"fleet":{"until":1,"reason":"r","lifted":false}}',
      '{"version":1,"heals":[],"fleet":{"until":1,"reason":"r","by":"x"}}',
    ])
      assert.throws(() => decodeLimits(text), { name: "BadFile" }, text);
    fc.assert(fc.property(fc.json(), (text) => assert.throws(() => decodeLimits(text), { name: "BadFile" })));
  });

  it("forget heals that count no more, and keep what somebody set until it is taken back", () => {
    const later = after(full, { kind: "healed", at: 601_000, netns: "1-0123456789", mac: "02:42:0a:00:00:03" });
    assert.deepEqual(
      later.heals.map(({ at }) => at),
      [601_000],
    );
    const freed = (["resumed", "revived", "closed"] as const).reduce(
      (limits: Limits, kind) => after(limits, { kind }),
      full,
    );
    assert.deepEqual(freed, { version: 1, heals: full.heals, pins: full.pins, fleet: full.fleet });
  });

  it("of the fleet are an entry of their own: it lifts that and never what somebody set on the host", () => {
    const own = after(noLimitsYet, { kind: "paused", until: 900, reason: "own" });
    const both = after(own, { kind: "fleet-paused", until: 500, reason: "storm" });
    assert.deepEqual(both, { ...own, fleet: { until: 500, reason: "storm" } });
    assert.match(
      fleetPause(both, 499) ?? "",
      /^the whole fleet is paused until 1970-.*: storm; `overlaywatch pause --fleet --off`/u,
    );
    assert.equal(fleetPause(both, 500), undefined);
    assert.deepEqual(standstill({ ...both, paused: { until: 1, reason: "old" } }, 499)?.rule, "pause");
    assert.deepEqual(after(both, { kind: "fleet-resumed" }), own);
    assert.deepEqual(after(own, { kind: "fleet-resumed" }), own);
  });

  it("of the fleet that a person lifted here stay lifted when they are told again, and not when there is a new one", () => {
    const paused = after(noLimitsYet, { kind: "fleet-paused", until: 500, reason: "storm" });
    const lifted = after(paused, { kind: "resumed" });
    assert.equal(fleetPause(lifted, 1), undefined);
    assert.deepEqual(after(lifted, { kind: "fleet-paused", until: 500, reason: "storm" }), lifted);
    assert.notEqual(fleetPause(after(lifted, { kind: "fleet-paused", until: 501, reason: "storm" }), 1), undefined);
  });

  it("of a version that knew no fleet are read", () => {
    const { fleet: _fleet, ...old } = full;
    assert.deepEqual(decodeLimits(encodeLimits(old)), old);
  });

  it("keep a pin once for each network and MAC, until it is taken away", () => {
    const pin = { networkId: "3acafc45f1", mac: "02:42:0a:00:00:02" };
    const again = after(full, { kind: "pinned", at: 20, ...pin });
    assert.deepEqual(again.pins, [{ at: 20, ...pin }]);
    const more = after(again, { kind: "pinned", at: 21, ...pin, networkId: "other" });
    assert.deepEqual(after(more, { kind: "unpinned", ...pin }).pins, [{ at: 21, ...pin, networkId: "other" }]);
  });

  it("say why in a sentence, for ever too", () => {
    assert.match(killSwitch(full) ?? "", /switched off since 1970-.*: audit; nothing is written/);
    assert.equal(pause(full, 0), "paused until the end of time: upgrade; `overlaywatch pause --off` lifts it");
  });
});
