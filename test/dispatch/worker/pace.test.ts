import assert from "node:assert/strict";
import * as fc from "fast-check";
import { forPauses, pace } from "../../../dispatch/worker/pace.ts";
import { isEnd } from "../../../dispatch/worker/record.ts";
import { until } from "../../emit/dogstatsd/listening.ts";
import { cleanupOf, jobOf } from "./made.ts";
import { useWorker } from "./opened.ts";

const minute = 60_000;

describe("dispatch/worker/pace", () => {
  it("lets the helper be asked less often than its socket bears, however it is wanted", () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 400 });
    fc.assert(
      fc.property(gaps, fc.boolean(), fc.boolean(), (all, isNew, isPause) => {
        const [turns, most] = isPause ? [pace(forPauses), 12] : [pace(), 18];
        const taken: number[] = [];
        let now = 1_800_000_000_000;
        for (const gap of all) {
          now += gap;
          if (turns.wait(isNew, now) > 0) continue;
          turns.take(now);
          taken.push(now);
        }
        for (const at of taken) assert.ok(taken.filter((one) => one >= at && one < at + minute).length <= most);
      }),
    );
  });

  it("leaves turns for what is new, tells how long to wait, and outlives a clock that is set back", () => {
    const turns = pace();
    let now = 1_800_000_000_000;
    for (let look = 0; look < 2; look++) {
      assert.equal(turns.wait(false, now), 0);
      turns.take(now);
    }
    assert.equal(turns.wait(true, now), 0, "for what is new");
    assert.equal(turns.wait(false, now), 4500);
    now += turns.wait(false, now);
    assert.equal(turns.wait(false, now), 0);
    now -= 10 * minute;
    for (let job = 0; job < 3; job++) turns.take(now);
    assert.equal(turns.wait(true, now), 4500);
    assert.equal(turns.wait(true, now + 4500), 0);
  });
});

describe("dispatch/worker: a question that is no job", () => {
  const here = useWorker();

  it("waits for the job that the helper is at, and not longer than anybody waits for it", async () => {
    here().helper.workMs = 600;
    here().helper.faults = 0;
    const worker = await here().open("observe");
    await here().offer(jobOf("a", Date.now()));
    await until(() => here().helper.asked.length === 1, "the helper is asked");
    await assert.rejects(worker.turn(AbortSignal.timeout(100)));
    await worker.turn(AbortSignal.timeout(10_000));
    assert.deepEqual(here().statesOf("a").at(-1), "healthy");
  });

  it("takes its turn from the pace, and leaves the last ones to jobs", async () => {
    const turns = pace();
    const worker = await here().open("observe", { pace: turns });
    for (let asked = 0; asked < 2; asked++) await worker.turn(AbortSignal.timeout(1000));
    await assert.rejects(worker.turn(AbortSignal.timeout(300)));
    assert.equal(turns.wait(true, Date.now()), 0, "for a job");
  });
});

describe("dispatch/worker: many jobs at once", () => {
  const here = useWorker();
  const names = Array.from({ length: 100 }, (_, number) => `many-${number}`);

  it("one look answers all that wait, in its pace; each comes to its own end and is told", async () => {
    here().helper.faults = 0;
    await here().open("observe", { pace: pace(), maxWaiting: 200 });
    await Promise.all(names.map(async (name) => here().offer(jobOf(name, Date.now()))));
    await Promise.all(names.map(async (name) => here().comes(name, "healthy")));
    assert.ok(here().helper.asked.length <= 8, `asked ${here().helper.asked.length} times`);
  });

  it("a person is asked once for all that would be healed; no flood keeps later pages, or the own trigger, out", async () => {
    here().helper.answers = () => cleanupOf("planned");
    await here().open("approve", { maxWaiting: 5 });
    for (const name of names.slice(0, 8)) await here().offer(jobOf(name, Date.now()));
    await until(() => here().changes.filter(({ record }) => isEnd(record.state)).length === 7, "seven ends");
    const jobs = await here().control({ ask: "status" });
    assert.ok("jobs" in jobs);
    assert.equal(jobs.jobs.filter(({ state }) => state === "approval").length, 1);
    here().helper.workMs = 500;
    const late = await Promise.all(names.slice(10, 20).map(async (name) => here().offer(jobOf(name, Date.now()))));
    assert.ok(late.some((one) => "answer" in one && one.answer === "full"));
    assert.deepEqual(await here().offer(jobOf("own", Date.now(), { own: true })), {
      answer: "accepted",
      trace: jobOf("own", 0).trace,
    });
  });

  it("one cure is one: the others say whose it was, and are not looked at again", async () => {
    here().proof = 1;
    here().helper.workMs = 200;
    await here().open("auto", { rechecks: [60_000] });
    await Promise.all(names.slice(0, 10).map(async (name) => here().offer(jobOf(name, Date.now()))));
    const ends = new Set(["healed", "healthy"]);
    const ended = () => here().changes.filter(({ record }) => ends.has(record.state));
    for (const name of names.slice(0, 10)) {
      const { id } = jobOf(name, 0);
      for (let tries = 0; tries < 100 && !ended().some(({ record }) => record.job.id === id); tries++)
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal(ended().length, 10);
    assert.equal(here().healed(), 1);
    const healed = ended().filter(({ record }) => record.state === "healed");
    assert.equal(healed.length, 1);
    const beside = ended().filter(({ record }) => record.message.startsWith("nothing was left to do: healed for job"));
    const last = ended().filter(({ record }) => record.message === "looked, and nothing was active");
    assert.equal(beside.length + last.length, 9);
  });

  it("what waits for a person takes nobody's place", async () => {
    here().helper.answers = () => cleanupOf("planned");
    await here().open("approve", { maxWaiting: 1 });
    await here().offer(jobOf("a", Date.now()));
    await here().comes("a", "approval");
    assert.ok("answer" in (await here().offer(jobOf("b", Date.now()))));
    await here().comes("b", "observed");
    assert.deepEqual(here().rejected, []);
  });

  it("asks when its turn is there, and takes one each time", async () => {
    const openAt = Date.now() + 600;
    let taken = 0;
    const turns = { wait: (_: boolean, now: number) => Math.max(0, openAt - now), take: () => void taken++ };
    here().proof = 1;
    await here().open("auto", { pace: turns, rechecks: [50] });
    await here().offer(jobOf("a", Date.now()));
    assert.deepEqual(here().statesOf("a"), ["waiting"]);
    await until(() => here().changes.some(({ recheck }) => recheck === 0), "the look after the cure");
    assert.ok(Date.now() >= openAt);
    assert.deepEqual([taken, here().helper.asked.length], [2, 2]);
  });

  it("remembers no more than so many, however many are sent and taken back without a pause", async function () {
    this.timeout(60_000);
    const never = { wait: () => 60_000, take: () => undefined };
    const worker = await here().open("observe", { pace: never });
    for (let first = 0; first < 2400; first += 40)
      await Promise.all(
        Array.from({ length: 40 }, async (_, n) => {
          const job = jobOf(`flood-${first + n}`, Date.now());
          await worker.offer(job);
          const { monitor = "", cycle = "" } = job.alert ?? {};
          await worker.withdraw({ v: 1, trace: job.trace, host: job.host, monitor, cycle });
        }),
      );
    const known = worker.records();
    assert.ok(known.length <= 2300, `${known.length} are remembered`);
    assert.ok(known.filter(({ job }) => job.alert?.link !== "").length < 500, "old ones in few words");
  });
});
