import assert from "node:assert/strict";
import { jobStates } from "../../../dispatch/local/protocol.ts";
import { isEnd, type JobRecord, type JobState } from "../../../dispatch/worker/record.ts";
import { workerMetrics } from "../../../dispatch/worker/metrics.ts";
import { eventOf, rejectedEvent, samplesOf } from "../../../dispatch/worker/telling.ts";
import { pipelineMetrics } from "../../../pipelines/metrics.ts";
import { done, jobOf, recordOf } from "./made.ts";

const inState = (state: JobState, more: Partial<JobRecord> = {}): JobRecord => {
  return { ...recordOf("a", 1000), state, since: 3500, message: "why it is so", ...more };
};

const of = (record: JobRecord) => eventOf({ record, before: "healed", recheck: 0 });

describe("dispatch/worker/telling", () => {
  it("is never silent: each end but a good one is a warning or an error, with the reason, the trace and the alert", () => {
    const fine: readonly JobState[] = ["healthy", "healed", "cancelled"];
    for (const state of jobStates.filter(isEnd).filter((one) => !fine.includes(one))) {
      const event = eventOf({ record: inState(state), before: "working" });
      assert.ok(event?.alertType === "warning" || event?.alertType === "error", state);
      assert.ok(event.text.includes("why it is so") && event.text.includes("misplaced a"));
      assert.deepEqual([event.aggregationKey, event.tags?.["trace"]], ["cycle a", recordOf("a", 0).job.trace]);
    }
    assert.equal(eventOf({ record: inState("escalated"), before: "working" })?.alertType, "error");
    assert.equal(eventOf({ record: inState("approval"), before: "working" })?.alertType, "warning");
    assert.equal(eventOf({ record: inState("working"), before: "waiting" }), undefined);
  });

  it("tells of looks after a cure the last one, or that it came back, or that it is not known", () => {
    const looks = (...found: readonly string[]): JobRecord =>
      inState("healed", { rechecks: found.map((text) => ({ due: 1, found: text, failures: 0 })) });
    const open = inState("healed", {
      rechecks: [
        { due: 1, found: "nothing active", failures: 0 },
        { due: 2, failures: 0 },
      ],
    });
    assert.equal(of(open), undefined);
    assert.equal(of(looks("nothing active", "nothing active"))?.alertType, "info");
    assert.equal(of(looks("nothing active", "not judged: paused"))?.alertType, "warning");
    assert.equal(of(inState("escalated"))?.alertType, "error");
  });

  it("names the alert of the host's own by its trace, and the network where it is one", () => {
    const own = { ...inState("healed"), job: jobOf("a", 0, { own: true }) };
    const event = eventOf({ record: own, before: "working", answer: done("cured") });
    assert.equal(event?.aggregationKey, own.job.trace);
    assert.equal(event?.tags?.["docker_network"], "abcdefabcdef");
    for (const answer of ["full", "unknown-host"] as const)
      assert.equal(rejectedEvent({ job: own.job, answer }).alertType, "error");
  });

  it("counts each state once, how long a job took, and the run of the helper, by declared metrics", () => {
    const healed = samplesOf({ record: inState("healed"), before: "working", answer: done("cured") });
    assert.deepEqual(
      healed.map(({ name, value }) => [name, value]),
      [
        ["worker.jobs", 1],
        ["worker.job_seconds", 2.5],
        ["remedy.runs", 1],
      ],
    );
    assert.deepEqual(
      samplesOf({ record: inState("healed"), before: "healed", recheck: 0, answer: done("nothing") }),
      [],
    );
    const tables = { ...workerMetrics, ...pipelineMetrics };
    for (const { name, tags } of healed) {
      const spec = Object.entries(tables).find(([one]) => one === name)?.[1];
      assert.deepEqual(Object.keys(tags).toSorted(), [...(spec?.tags ?? ["none"])].toSorted());
    }
  });
});
