import assert from "node:assert/strict";
import type { Heard } from "../../../dispatch/worker/ask-helper.ts";
import {
  accepted,
  alongside,
  approved,
  begun,
  heard,
  inFewWords,
  type Rules,
  verbFor,
} from "../../../dispatch/worker/machine.ts";
import type { JobRecord } from "../../../dispatch/worker/record.ts";
import { done, jobOf, recordOf, refusedBy } from "./made.ts";

const [minute, now] = [60_000, 1_800_000_000_000];
const rules = (mode: Rules["mode"]): Rules => {
  return { mode, proved: true, approveWithin: 60 * minute, rechecks: [30_000] };
};

function after(mode: Rules["mode"], answer: Heard, record = recordOf("a", now)): JobRecord {
  return heard(begun(record, verbFor(record, rules(mode), now), now), answer, rules(mode), now);
}

const partly = (rule: string): JobRecord =>
  after(
    "auto",
    done("cured", { refused: [{ rule, sentence: `it is ${rule}`, container: "db", mac: "02:42:0a:00:00:09" }] }),
  );

describe("dispatch/worker/machine: samples, parts, and jobs beside each other", () => {
  it("changes nothing for a sample of `webhook test`, whatever the mode", () => {
    const { alert, ...job } = jobOf("a", now);
    assert.ok(alert !== undefined);
    const sample = accepted({ ...job, alert: { ...alert, cycle: "test-4711" } }, now);
    for (const mode of ["observe", "approve", "auto"] as const) {
      assert.equal(verbFor(sample, rules(mode), now), "look");
      const { state, message } = after(mode, done("planned"), sample);
      assert.equal(state, "observed");
      assert.match(message, /^a test, for which nothing is changed: /u);
    }
  });

  it("heals nothing in observe, whoever approved it before", () => {
    const ordered = approved(after("approve", done("planned")), "ann", now);
    assert.ok(ordered !== undefined);
    assert.equal(verbFor(ordered, rules("observe"), now), "look");
    assert.equal(verbFor(ordered, rules("auto"), now), "heal");
  });

  it("calls no cure healed of which a part was refused: it asks again, or a person", () => {
    assert.equal(partly("cooldown").state, "waiting");
    const left = partly("breaker");
    assert.equal(left.state, "escalated");
    assert.match(left.message, /^healed in part, and the rest was refused: /u);
  });

  it("of one that is asked for beside another the cure is the other's", () => {
    const own = begun(recordOf("b", now), "heal", now);
    const cured = alongside(own, done("cured"), rules("auto"), now, jobOf("a", now));
    assert.equal(cured.state, "healthy");
    assert.match(cured.message, /^nothing was left to do: healed for job /u);
    assert.deepEqual(cured.rechecks, []);
    assert.equal(alongside(own, refusedBy("pause"), rules("auto"), now, jobOf("a", now)).state, "refused");
  });

  it("is known again when it ended, in few words", () => {
    const record = after("observe", done("planned"));
    const short = inFewWords({ ...record, message: "m".repeat(4000) });
    assert.equal(short.job.id, record.job.id);
    assert.equal(short.job.alert?.cycle, record.job.alert?.cycle);
    assert.ok(JSON.stringify(short).length < 1200);
  });
});
