import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { loss } from "../../lab/cluster.ts";
import type { LabHost } from "../../lab/host.ts";
import { pause, until } from "../../lab/process.ts";
import { addressOf } from "../../lab/cluster.ts";
import { useLab } from "../lab/fixture.ts";
import { figure, isFull, sized } from "./length.ts";
import { type JobSeen, Post } from "./post.ts";
import { endAll, onHost } from "./program.ts";
import { Treatment } from "./treatment.ts";

const seconds = (ms: number): string => (ms / 1000).toFixed(1);
const worst = (all: readonly number[]): number => Math.max(...all);
const middle = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0;

describe("accept: from the page to the cure on one host", function () {
  this.timeout(sized(2_400_000, 180_000));
  const lab = useLab();
  let host: LabHost;
  let here: Treatment;
  let post: Post;

  beforeEach(async () => {
    host = lab().host(1);
    here = new Treatment(lab(), host);
    await here.host.settle();
    post = new Post(host, here.state, "auto");
  });
  afterEach(async () => {
    await post.close();
    endAll();
    await lab().unpin();
    await lab().mend();
    here.forget();
  });

  const known = async (): Promise<ReadonlySet<string>> => new Set((await post.jobs()).map(({ id }) => id));

  /** What a person does after each try: no limit of an earlier one is to be met. */
  async function mended(): Promise<void> {
    await lab().unpin();
    await lab().mend();
    rmSync(join(here.state, "remedy-limits.json"), { force: true });
  }

  async function proved(): Promise<void> {
    const test = onHost(host, ["webhook", "test", "--config", "/run/overlaywatch-etc/overlaywatch.yaml"]);
    assert.equal(await test.ended, 0, test.out() + test.err() + post.said());
  }

  async function isReached(): Promise<void> {
    assert.equal(await loss(host, "A1", await addressOf(host, "B1")), 0, "healed");
  }

  it(`auto: the webhook as Datadog sends it, and the outage is over, ${sized(20, 2)} of ${sized(20, 2)}; one trace id throughout`, async () => {
    await post.open();
    await proved();
    const times: number[] = [];
    let last: JobSeen | undefined;
    for (let trial = 0; trial < sized(20, 2); trial++) {
      const before = await known();
      await lab().break();
      await post.page("Triggered", { cycle: `trial-${trial}` });
      last = await post.job(["healed", "refused", "escalated", "healthy", "expired"], before);
      assert.equal(last.state, "healed", `${last.message} ${post.said()}`);
      times.push(last.since - last.at);
      await isReached();
      await mended();
    }
    figure(
      `request to verified heal: median ${seconds(middle(times))} s, worst ${seconds(worst(times))} s of ${times.length}`,
    );
    if (isFull()) assert.ok(worst(times) <= 3000, `worst of 20: ${worst(times)} ms`);
    const { trace } = last ?? assert.fail("no job");
    const noted = await post.journal(`TRACE=${trace}`);
    for (const kind of ["page", "job"])
      assert.ok(
        noted.some((line) => line.includes(`"OVERLAYWATCH_KIND":"${kind}"`)),
        `${kind} of ${trace} in the journal: ${noted.join("\n")}`,
      );
    assert.match(post.part("helperd").err(), new RegExp(`trace ${trace}: heal`, "u"));
    assert.ok(
      post.sent().some((line) => line.includes(trace) && line.includes("event")),
      "told to Datadog with its trace",
    );
    assert.ok((await post.deliveries()).every((outcome) => outcome === 202));
  });

  it("observe: tells what it would do, and nothing is changed", async () => {
    post = new Post(host, here.state, "observe");
    await post.open();
    await lab().break();
    const before = await here.tables();
    const others = await known();
    await post.page("Triggered");
    const { state, message } = await post.job(["observed", "healthy", "healed", "escalated", "refused"], others);
    assert.equal(state, "observed", message);
    await here.unwritten(before);
    assert.deepEqual(await here.pins(), []);
  });

  it("approve: waits until a person says so, and then heals", async () => {
    post = new Post(host, here.state, "approve");
    await post.open();
    await lab().break();
    const before = await here.tables();
    const others = await known();
    await post.page("Triggered");
    const waiting = await post.job(["approval", "healed", "healthy", "escalated", "refused"], others);
    assert.equal(waiting.state, "approval", waiting.message);
    await here.unwritten(before);
    const said = await post.approve(waiting.id);
    assert.equal(said.code, 0, said.stderr);
    const done = await post.job(["healed", "escalated", "refused", "healthy"], others);
    assert.equal(done.state, "healed", done.message);
    await isReached();
  });

  it("auto, before a webhook was proved to reach this host by its name: waits for a person; paused: refuses", async () => {
    await post.open();
    await lab().break();
    const before = await here.tables();
    const others = await known();
    await post.page("Triggered", { cycle: "unproved" });
    const waiting = await post.job(["approval", "healed", "healthy", "escalated", "refused"], others);
    assert.equal(waiting.state, "approval", waiting.message);
    await post.page("Recovered", { cycle: "unproved" });
    assert.equal((await post.job(["cancelled"], others)).id, waiting.id);
    await proved();
    assert.equal((await here.at("pause", "--for", "10m", "--reason", "a test")).code, 0);
    const those = await known();
    await post.page("Triggered", { cycle: "paused" });
    const refused = await post.job(["refused", "healed", "healthy", "escalated", "expired"], those);
    assert.equal(refused.state, "refused", refused.message);
    assert.match(refused.message, /paused/u);
    await here.unwritten(before);
    assert.equal((await here.at("pause", "--off")).code, 0);
  });

  it(`by the host's own trigger, with no Datadog there: ${sized(20, 2)} of ${sized(20, 2)}`, async () => {
    await post.open({ datadog: false });
    const times: number[] = [];
    for (let trial = 0; trial < sized(20, 2); trial++) {
      // A new one each time: the signal of the last outage is not that of this one.
      const run = onHost(host, [
        "run",
        "overlay",
        "record",
        "--heal",
        "worker",
        "--sink",
        "none",
        "--config",
        "/run/overlaywatch-etc/overlaywatch.yaml",
        "--state-dir",
        here.state,
      ]);
      await until(
        async () => (await here.at("status")).code === 0 || undefined,
        10_000,
        () => new Error(run.err()),
      );
      const others = await known();
      const broken = await lab().break();
      const done = await post.job(["healed", "refused", "escalated", "expired"], others);
      assert.equal(done.state, "healed", `${done.message} ${post.said()} ${run.err()}`);
      assert.equal(done.source, "host");
      times.push(done.since - broken);
      await isReached();
      assert.equal((await run.stop()).code, 0);
      await mended();
    }
    figure(
      `break to verified heal: median ${seconds(middle(times))} s, worst ${seconds(worst(times))} s of ${times.length}`,
    );
    if (isFull()) assert.ok(worst(times) <= 5000, `worst of 20: ${worst(times)} ms`);
  });

  const kills = sized(100, 3);
  it(`kill -9 of gateway, worker and helper at ${kills} random moments: every accepted job comes to an end, and nothing is done twice`, async () => {
    // Looks after a cure are no part of it: a hundred cures in a few minutes would have the helper do little else.
    post = new Post(host, here.state, "auto", []);
    await post.open();
    await proved();
    const parts = ["gateway", "worker", "helper"] as const;
    const ends: Record<string, number> = {};
    const begun = await known();
    const undisturbed = new Set<string>();
    let hits = 0;
    for (let round = 0; hits < kills; round++) {
      assert.ok(round < 3 * kills, `${hits} of ${round} kills hit`);
      const part = parts[round % parts.length] ?? "worker";
      await lab().break();
      const others = await known();
      // The page is with the gateway for a moment, with worker and helper for two seconds.
      const [hit] = await Promise.all([
        killed(part, Math.random() * (part === "gateway" ? 300 : 2300)),
        post.page("Triggered", { cycle: `kill-${round}` }),
      ]);
      if (hit) hits++;
      const { id, state } = await post.job(["healed", "healthy", "refused", "escalated", "expired"], others, 120_000);
      if (!hit) undisturbed.add(id);
      ends[state] = (ends[state] ?? 0) + 1;
      await mended();
      await isReached();
    }
    const all = post.kept().filter(({ job: { id } }) => !begun.has(id));
    const rounds = Object.values(ends).reduce((sum, count) => sum + count, 0);
    assert.equal(all.length, rounds, "none was lost, none was made of one");
    assert.deepEqual(
      all.filter(({ state }) => ["waiting", "approval", "working", "expired"].includes(state)),
      [],
    );
    const said = post.said("helperd");
    const cures = ({ job: { trace } }: (typeof all)[number]): number =>
      [...said.matchAll(new RegExp(`trace ${trace}: heal: .*cured`, "gu"))].length;
    assert.deepEqual(
      all.filter((one) => cures(one) > 1),
      [],
      "healed twice for one job",
    );
    for (const one of all.filter(({ state }) => state === "healed"))
      assert.equal(cures(one), 1, `by the helper's own word: ${one.job.trace}`);
    const interrupted = all.filter((one) => one.interrupted > 0).length;
    const told = Object.entries(ends).map(([state, count]) => `${count} ${state}`);
    figure(
      `${hits} kills that hit in ${rounds} pages: ${told.join(", ")}; ${interrupted} interrupted and judged afresh`,
    );
    if (isFull()) assert.ok(interrupted > 0, "no kill of the worker hit one at work");
  });

  /** Whether there was something to kill. */
  async function killed(part: "gateway" | "worker" | "helper", ms: number): Promise<boolean> {
    await pause(ms);
    if (part === "helper") return post.killHelper();
    await post.end(part, "SIGKILL");
    await post.start(part);
    return true;
  }
});
