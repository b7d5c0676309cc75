import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import type { Withdrawal } from "../../../dispatch/job.ts";
import { handOverAnswer } from "../../../dispatch/local/protocol.ts";
import { until } from "../../emit/dogstatsd/listening.ts";
import { cleanupOf, host, jobOf } from "./made.ts";
import { useWorker } from "./opened.ts";

describe("dispatch/worker", () => {
  const here = useWorker();

  it("observe: looks, tells what would be done, and heals nothing", async () => {
    await here().open("observe");
    assert.deepEqual(await here().offer(jobOf("a", Date.now())), { answer: "accepted", trace: jobOf("a", 0).trace });
    await here().comes("a", "observed");
    assert.deepEqual(
      here().helper.asked.map(({ verb }) => verb),
      ["look"],
    );
    assert.equal(here().healed(), 0);
    const [event] = here().events();
    assert.ok(event?.alertType === "warning" && event.tags?.["trace"] === jobOf("a", 0).trace);
    assert.ok(event.aggregationKey === "cycle a" && /bridge fdb replace/u.test(event.text));
    assert.equal(event.tags["docker_network"], "abcdefabcdef");
  });

  it("auto: heals by the trace of the job, looks twice again, and tells the good end", async () => {
    here().proof = 1;
    await here().open("auto");
    await here().offer(jobOf("a", Date.now()));
    await here().comes("a", "healed");
    await until(() => here().changes.filter(({ recheck }) => recheck !== undefined).length === 2, "two looks");
    assert.deepEqual(here().statesOf("a"), ["waiting", "working", "healed"]);
    assert.deepEqual(
      here().helper.asked.map(({ verb }) => verb),
      ["heal", "look", "look"],
    );
    assert.ok(here().helper.asked.every(({ trace }) => trace === jobOf("a", 0).trace));
    assert.deepEqual(
      here()
        .events()
        .map(({ alertType, title }) => `${alertType} ${title.split(": ").at(-1)}`),
      ["success healed", "info the cure holds"],
    );
    assert.match(here().events()[0]?.text ?? "", /loss 100 % before, 0 % after/u);
  });

  it("auto: what comes back is told as an error, and is a person's", async () => {
    here().proof = 1;
    here().helper.answers = (verb) => cleanupOf(verb === "heal" ? "cured" : "planned");
    await here().open("auto");
    await here().offer(jobOf("a", Date.now()));
    await until(() => here().changes.at(-1)?.record.state === "escalated", "escalated");
    assert.ok(here().events().at(-1)?.alertType === "error" && /came back/u.test(here().events().at(-1)?.text ?? ""));
  });

  it("auto: is as approve for pages until one was seen to reach this host; its own trigger needs no proof", async () => {
    const worker = await here().open("auto");
    here().helper.faults = 3;
    await here().offer(jobOf("own", Date.now(), { own: true }));
    await here().comes("own", "healed");
    await here().offer(jobOf("a", Date.now()));
    await here().comes("a", "approval");
    assert.equal(here().healed(), 1);
    assert.ok("proved" in (await here().control({ ask: "status" })) && worker.proved === undefined);
    assert.ok("jobs" in (await here().control({ ask: "approve", id: jobOf("a", 0).id.slice(0, 12), by: "ann" })));
    await here().comes("a", "healed");
    assert.ok(here().proof !== undefined, "a person has seen that a page reaches it");
    await here().offer(jobOf("b", Date.now()));
    await here().comes("b", "healed");
    assert.deepEqual(here().statesOf("b"), ["waiting", "working", "healed"]);
  });

  it("auto: an event that is expected proves the way, another one does not", async () => {
    await here().open("auto");
    await here().control({ ask: "expect", event: "123" });
    await here().offer(jobOf("a", Date.now()));
    await here().comes("a", "approval");
    assert.equal(here().proof, undefined);
    const { alert } = jobOf("b", 0);
    assert.ok(alert !== undefined);
    await here().offer(jobOf("b", Date.now(), { alert: { ...alert, event: "123" } }));
    await here().comes("b", "healed");
    assert.ok(here().proof !== undefined);
  });

  it("approve: waits, for the right id only, and then heals", async () => {
    await here().open("approve");
    await here().offer(jobOf("a", Date.now()));
    await here().comes("a", "approval");
    const waiting = await here().control({ ask: "status" });
    assert.ok("jobs" in waiting && waiting.jobs[0]?.state === "approval" && waiting.jobs[0].title === "misplaced a");
    assert.ok("error" in (await here().control({ ask: "approve", id: "f".repeat(64), by: "ann" })));
    assert.ok("error" in (await here().control({ ask: "approve", id: "a", by: "ann" })), "too short");
    assert.equal(here().healed(), 0);
    const answer = await here().control({ ask: "approve", id: jobOf("a", 0).id, by: "ann" });
    assert.ok("jobs" in answer && /approved by ann/u.test(answer.jobs[0]?.message ?? ""));
    await here().comes("a", "healed");
    assert.ok("error" in (await here().control({ ask: "approve", id: jobOf("a", 0).id, by: "ann" })), "once");
    assert.equal(here().healed(), 1);
  });

  it("approve: expires and is told, where nobody says anything; what is over is taken back", async () => {
    await here().open("approve", { approveWithin: 300 });
    await here().offer(jobOf("a", Date.now()));
    await here().comes("a", "expired");
    assert.equal(here().events().at(-1)?.alertType, "warning");
    await here().offer(jobOf("b", Date.now()));
    await here().comes("b", "approval");
    const withdraw: Withdrawal = { v: 1, trace: "0".repeat(32), host, monitor: "12", cycle: "cycle b" };
    const taken = async () => handOverAnswer.parse(await here().ask("jobs.sock", { v: 1, withdraw }));
    assert.deepEqual(await taken(), { answer: "withdrawn", trace: withdraw.trace });
    assert.deepEqual(await taken(), { answer: "nothing", trace: withdraw.trace });
    assert.deepEqual(here().statesOf("b").at(-1), "cancelled");
    assert.equal(here().healed(), 0);
  });

  it("tells a job that comes after its time, and begins nothing for it", async () => {
    await here().open("auto");
    await here().offer(jobOf("a", Date.now(), { notAfter: Date.now() - 1000 }));
    await here().comes("a", "expired");
    assert.deepEqual(here().helper.asked, []);
    assert.equal(here().events().at(-1)?.alertType, "warning");
  });

  it("takes the same job once, with the trace of the first, after a restart too", async () => {
    await here().open("observe");
    const again = { ...jobOf("a", Date.now()), trace: "f".repeat(32) };
    const both = await Promise.all([here().offer(jobOf("a", Date.now())), here().offer(again)]);
    const { trace } = jobOf("a", 0);
    assert.deepEqual(both, [
      { answer: "accepted", trace },
      { answer: "duplicate", trace },
    ]);
    await here().comes("a", "observed");
    await here().close();
    await here().open("observe");
    assert.deepEqual(await here().offer(again), { answer: "duplicate", trace });
    assert.equal(here().helper.asked.length, 1);
  });

  it("answers nothing before the job is on the disk, a duplicate of it neither", async () => {
    const disk = new EventEmitter();
    const written = once(disk, "written");
    await here().open("observe", { wrap: (file) => ({ ...file, sync: async () => written.then(file.sync) }) });
    const answered: string[] = [];
    const offers = ["first", "second"].map(async (name) => {
      await here().offer(jobOf("a", Date.now()));
      answered.push(name);
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.deepEqual([answered, here().changes, here().helper.asked], [[], [], []]);
    disk.emit("written");
    await Promise.all(offers);
  });

  it("takes no more than may wait, and none for another host; both are told", async () => {
    here().helper.workMs = 1000;
    await here().open("approve", { maxWaiting: 2 });
    for (const name of ["a", "b"]) await here().offer(jobOf(name, Date.now()));
    assert.ok("answer" in (await here().offer(jobOf("c", Date.now()))) && here().rejected[0]?.answer === "full");
    assert.deepEqual(await here().offer(jobOf("d", Date.now(), { host: "web-2.example" })), {
      answer: "unknown-host",
      trace: jobOf("d", 0).trace,
    });
    assert.deepEqual(
      here().rejected.map(({ answer }) => answer),
      ["full", "unknown-host"],
    );
    assert.equal(here().changes.filter(({ before }) => before === undefined).length, 2);
  });

  it("has one job at a time for a fault that its own trigger tells again and again", async () => {
    await here().open("approve");
    await here().offer(jobOf("own 1", Date.now(), { own: true }));
    await here().comes("own 1", "approval");
    const second = await here().offer(jobOf("own 2", Date.now(), { own: true }));
    assert.deepEqual(second, { answer: "duplicate", trace: jobOf("own 1", 0).trace });
  });

  it("heals one at a time, once for each time that it asks", async () => {
    here().proof = 1;
    here().helper.faults = 10;
    here().helper.workMs = 20;
    await here().open("auto", { rechecks: [] });
    const names = Array.from({ length: 10 }, (_, n) => `n${n}`);
    for (const name of names) {
      await here().offer(jobOf(name, Date.now()));
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    await until(
      () => names.every((name) => here().statesOf(name).at(-1)?.startsWith("heal") === true),
      "ten ends",
      20_000,
    );
    assert.equal(here().helper.most, 1);
    assert.ok([...here().helper.effects.values()].every((times) => times === 1));
    assert.ok(here().healed() > 1);
    assert.equal(here().healed(), here().helper.asked.length);
  });

  it("takes up after a restart what was waiting, and looks that are due", async () => {
    here().proof = 1;
    here().helper.workMs = 300;
    await here().open("auto", { rechecks: [50] });
    for (const name of ["a", "b"]) await here().offer(jobOf(name, Date.now()));
    await here().comes("b", "working");
    await here().offer(jobOf("c", Date.now()));
    await here().close();
    assert.equal(here().statesOf("a").at(-1), "healed");
    assert.equal(here().statesOf("c").at(-1), "waiting");
    here().helper.workMs = 0;
    await here().open("auto", { rechecks: [50] });
    await here().comes("c", "healthy");
    await until(() => here().changes.some(({ recheck }) => recheck === 0), "the look after the cure");
    assert.equal(here().healed(), 1);
  });
});
