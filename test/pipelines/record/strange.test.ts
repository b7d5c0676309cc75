import assert from "node:assert/strict";
import { strangeNames } from "../../../pipelines/record/strange.ts";
import { manualClock } from "../../host/manual-clock.ts";

describe("pipelines/record/strange", () => {
  it("asks for a dump at a name's first sight, and renews ip when a dump did not tell, not all the time", () => {
    const clock = manualClock(0);
    const seen = { dumps: 1, wanted: 0, renewed: Array.of<string>() };
    const strange = strangeNames({
      dumps: () => seen.dumps,
      wantDump: () => void seen.wanted++,
      renew: (name) => void seen.renewed.push(name),
      monotonic: clock.monotonic,
    });
    strange("vethX");
    strange("vethX");
    assert.deepEqual([seen.wanted, seen.renewed], [1, []]);
    seen.dumps++;
    strange("vethX");
    assert.deepEqual(seen.renewed, ["vethX"]);
    strange("vethX");
    seen.dumps++;
    strange("vethX");
    assert.deepEqual([seen.wanted, seen.renewed], [2, ["vethX"]]);
    clock.advance(30_000);
    strange("vethX");
    assert.deepEqual(seen.renewed, ["vethX", "vethX"]);
  });
});
