import assert from "node:assert/strict";
import { type Entry, fieldsOf } from "../../../pipelines/entry.ts";
import { intakeOf } from "../../../pipelines/follow/intake.ts";
import { Tally } from "../../../pipelines/follow/tally.ts";
import { MadeUpRecorder } from "./recorder.ts";

const now = 1_700_000_000_000;

describe("pipelines/follow/intake", () => {
  it("counts what root or its own user wrote, calls another's foreign, and lets be what worker and gateway tell people", () => {
    const tally = new Tally();
    const intake = intakeOf(tally, 1000);
    const recorder = new MadeUpRecorder();
    const take = (kind: Entry["kind"], uid: string): void => {
      const fields = { ...fieldsOf(recorder.entry(kind)), _UID: uid, __REALTIME_TIMESTAMP: String(now * 1000) };
      intake.take(new Map(Object.entries(fields)), now);
    };
    const sums = () => Object.fromEntries([...tally.book.cells()].map(({ name, total }) => [name, total]));
    for (const uid of ["0", "1000", "1001"]) for (const kind of ["job", "page"] as const) take(kind, uid);
    assert.deepEqual([sums(), intake.lastRefusal()], [{}, undefined]);
    for (const uid of ["0", "1000"]) take("finding", uid);
    take("finding", "1001");
    assert.deepEqual(sums(), { "pipeline.entries": 2, "pipeline.malformed": 1 });
    assert.match(intake.lastRefusal() ?? "", /user 1001 wrote/u);
  });
});
