import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { jobSchema, type Withdrawal } from "../../../dispatch/job.ts";
import { controlAnswer, handOverAnswer, maxLineBytes } from "../../../dispatch/local/protocol.ts";
import { helperAt } from "../../../dispatch/worker/helper.ts";
import { decodeLines, jobJournal } from "../../../dispatch/worker/journal.ts";
import type { Rules } from "../../../dispatch/worker/machine.ts";
import { serveControl, serveJobs } from "../../../dispatch/worker/serve.ts";
import { eventOf } from "../../../dispatch/worker/telling.ts";
import { type Change, type Rejected, Worker } from "../../../dispatch/worker/worker.ts";
import { askLine, type LineServer } from "../../../host/line-socket.ts";
import { openLogFile } from "../../../host/log-file.ts";
import { ownUser } from "../../../host/own-user.ts";
import { until } from "../../emit/dogstatsd/listening.ts";
import { HelperServer } from "./helper-server.ts";
import { cleanupOf, host, jobOf } from "./made.ts";

describe("dispatch/worker", () => {
  let folder = "";
  let helper: HelperServer;
  let ends: (() => Promise<unknown>)[];
  let proof: number | undefined;
  const changes: Change[] = [];
  const rejected: Rejected[] = [];
  const at = (name: string): string => join(folder, name);

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "ow-worker-"));
    [ends, proof] = [[], undefined];
    changes.length = rejected.length = 0;
    helper = new HelperServer(1);
    await helper.listen(at("helper/h.sock"));
  });
  afterEach(async () => {
    for (const end of ends.toReversed()) await end();
    await helper.close();
    rmSync(folder, { recursive: true, force: true });
  });

  interface Given extends Partial<Rules> {
    readonly maxWaiting?: number;
    readonly timeoutMs?: number;
    readonly now?: () => number;
    readonly owner?: number;
  }

  async function open(mode: Rules["mode"], given: Given = {}): Promise<Worker> {
    const { maxWaiting = 100, timeoutMs = 2000, now = Date.now, owner = ownUser(), ...rules } = given;
    const { file, lines } = await openLogFile(at("jobs"), 0o600);
    const worker = new Worker(
      {
        host,
        rules: { mode, approveWithin: 3_600_000, rechecks: [100, 200], ...rules },
        maxWaiting,
        helper: helperAt({ socket: at("helper/h.sock"), owner, timeoutMs }),
        records: decodeLines(lines, "jobs"),
        proved: proof,
        keepProof: async (when) => void (proof = when),
        now,
        tell: (change) => void changes.push(change),
        reject: (one) => void rejected.push(one),
        fail: (error) => assert.fail(String(error)),
      },
      (live) => jobJournal(file, live, lines.length),
    );
    await worker.start();
    const servers: LineServer[] = [
      await serveJobs(at("jobs.sock"), worker),
      await serveControl(at("control.sock"), worker, { host, mode }),
    ];
    ends.push(async () => Promise.all([...servers.map((one) => one.close()), worker.close()]));
    return worker;
  }

  const close = async (): Promise<void> => void (await ends.pop()?.());
  const ask = async (socket: string, request: unknown): Promise<unknown> =>
    JSON.parse(await askLine(at(socket), JSON.stringify(request), { timeoutMs: 5000, maxBytes: 64 * maxLineBytes }));
  const offer = async (job: z.input<typeof jobSchema>) =>
    handOverAnswer.parse(await ask("jobs.sock", { v: 1, offer: job }));
  const control = async (request: Readonly<Record<string, unknown>>) =>
    controlAnswer.parse(await ask("control.sock", { v: 1, ...request }));
  const statesOf = (name: string): readonly string[] => {
    const { id } = jobOf(name, 0);
    return changes
      .filter(({ record, recheck }) => record.job.id === id && recheck === undefined)
      .map((one) => one.record.state);
  };
  const comes = async (name: string, state: string): Promise<void> =>
    until(() => statesOf(name).includes(state), `${name}: ${state}, of ${statesOf(name).join(" ")}`, 15_000);
  const events = () => changes.map(eventOf).filter((event) => event !== undefined);
  const healed = (): number => [...helper.effects.values()].reduce((a, b) => a + b, 0);

  it("observe: looks, tells what would be done, and heals nothing", async () => {
    await open("observe");
    assert.deepEqual(await offer(jobOf("a", Date.now())), { answer: "accepted", trace: jobOf("a", 0).trace });
    await comes("a", "observed");
    assert.deepEqual(
      helper.asked.map(({ verb }) => verb),
      ["look"],
    );
    assert.equal(healed(), 0);
    const [event] = events();
    assert.ok(event?.alertType === "warning" && event.tags?.["trace"] === jobOf("a", 0).trace);
    assert.ok(event.aggregationKey === "cycle a" && /bridge fdb replace/u.test(event.text));
    assert.equal(event.tags["docker_network"], "abcdefabcdef");
  });

  it("auto: heals by the trace of the job, looks twice again, and tells the good end", async () => {
    proof = 1;
    await open("auto");
    await offer(jobOf("a", Date.now()));
    await comes("a", "healed");
    await until(() => changes.filter(({ recheck }) => recheck !== undefined).length === 2, "two looks");
    assert.deepEqual(statesOf("a"), ["waiting", "working", "healed"]);
    assert.deepEqual(
      helper.asked.map(({ verb }) => verb),
      ["heal", "look", "look"],
    );
    assert.ok(helper.asked.every(({ trace }) => trace === jobOf("a", 0).trace));
    assert.deepEqual(
      events().map(({ alertType, title }) => `${alertType} ${title.split(": ").at(-1)}`),
      ["success healed", "info the cure holds"],
    );
    assert.match(events()[0]?.text ?? "", /loss 100 % before, 0 % after/u);
  });

  it("auto: what comes back is told as an error, and is a person's", async () => {
    proof = 1;
    helper.answers = (verb) => cleanupOf(verb === "heal" ? "cured" : "planned");
    await open("auto");
    await offer(jobOf("a", Date.now()));
    await until(() => changes.at(-1)?.record.state === "escalated", "escalated");
    assert.ok(events().at(-1)?.alertType === "error" && /came back/u.test(events().at(-1)?.text ?? ""));
  });

  it("auto: is as approve for pages until one was seen to reach this host; its own trigger needs no proof", async () => {
    const worker = await open("auto");
    helper.faults = 3;
    await offer(jobOf("own", Date.now(), { own: true }));
    await comes("own", "healed");
    await offer(jobOf("a", Date.now()));
    await comes("a", "approval");
    assert.equal(healed(), 1);
    assert.ok("proved" in (await control({ ask: "status" })) && worker.proved === undefined);
    assert.ok("jobs" in (await control({ ask: "approve", id: jobOf("a", 0).id.slice(0, 12), by: "ann" })));
    await comes("a", "healed");
    assert.ok(proof !== undefined, "a person has seen that a page reaches it");
    await offer(jobOf("b", Date.now()));
    await comes("b", "healed");
    assert.deepEqual(statesOf("b"), ["waiting", "working", "healed"]);
  });

  it("auto: an event that is expected proves the way, another one does not", async () => {
    await open("auto");
    await control({ ask: "expect", event: "123" });
    await offer(jobOf("a", Date.now()));
    await comes("a", "approval");
    assert.equal(proof, undefined);
    const { alert } = jobOf("b", 0);
    assert.ok(alert !== undefined);
    await offer(jobOf("b", Date.now(), { alert: { ...alert, event: "123" } }));
    await comes("b", "healed");
    assert.ok(proof !== undefined);
  });

  it("approve: waits, for the right id only, and then heals", async () => {
    await open("approve");
    await offer(jobOf("a", Date.now()));
    await comes("a", "approval");
    const waiting = await control({ ask: "status" });
    assert.ok("jobs" in waiting && waiting.jobs[0]?.state === "approval" && waiting.jobs[0].title === "misplaced a");
    assert.ok("error" in (await control({ ask: "approve", id: "f".repeat(64), by: "ann" })));
    assert.ok("error" in (await control({ ask: "approve", id: "a", by: "ann" })), "too short");
    assert.equal(healed(), 0);
    const answer = await control({ ask: "approve", id: jobOf("a", 0).id, by: "ann" });
    assert.ok("jobs" in answer && /approved by ann/u.test(answer.jobs[0]?.message ?? ""));
    await comes("a", "healed");
    assert.ok("error" in (await control({ ask: "approve", id: jobOf("a", 0).id, by: "ann" })), "once");
    assert.equal(healed(), 1);
  });

  it("approve: expires and is told, where nobody says anything; what is over is taken back", async () => {
    await open("approve", { approveWithin: 300 });
    await offer(jobOf("a", Date.now()));
    await comes("a", "expired");
    assert.equal(events().at(-1)?.alertType, "warning");
    await offer(jobOf("b", Date.now()));
    await comes("b", "approval");
    const withdraw: Withdrawal = { v: 1, trace: "0".repeat(32), host, monitor: "12", cycle: "cycle b" };
    const taken = async () => handOverAnswer.parse(await ask("jobs.sock", { v: 1, withdraw }));
    assert.deepEqual(await taken(), { answer: "withdrawn", trace: withdraw.trace });
    assert.deepEqual(await taken(), { answer: "nothing", trace: withdraw.trace });
    assert.deepEqual(statesOf("b").at(-1), "cancelled");
    assert.equal(healed(), 0);
  });

  it("tells a job that comes after its time, and begins nothing for it", async () => {
    await open("auto");
    await offer(jobOf("a", Date.now(), { notAfter: Date.now() - 1000 }));
    await comes("a", "expired");
    assert.deepEqual(helper.asked, []);
    assert.equal(events().at(-1)?.alertType, "warning");
  });

  it("takes the same job once, with the trace of the first, after a restart too", async () => {
    await open("observe");
    const again = { ...jobOf("a", Date.now()), trace: "f".repeat(32) };
    const both = await Promise.all([offer(jobOf("a", Date.now())), offer(again)]);
    const { trace } = jobOf("a", 0);
    assert.deepEqual(both, [
      { answer: "accepted", trace },
      { answer: "duplicate", trace },
    ]);
    await comes("a", "observed");
    await close();
    await open("observe");
    assert.deepEqual(await offer(again), { answer: "duplicate", trace });
    assert.equal(helper.asked.length, 1);
  });

  it("takes no more than may wait, and none for another host; both are told", async () => {
    await open("approve", { maxWaiting: 2 });
    for (const name of ["a", "b"]) await offer(jobOf(name, Date.now()));
    assert.ok("answer" in (await offer(jobOf("c", Date.now()))) && rejected[0]?.answer === "full");
    assert.deepEqual(await offer(jobOf("d", Date.now(), { host: "web-2.example" })), {
      answer: "unknown-host",
      trace: jobOf("d", 0).trace,
    });
    assert.deepEqual(
      rejected.map(({ answer }) => answer),
      ["full", "unknown-host"],
    );
    assert.equal(changes.filter(({ before }) => before === undefined).length, 2);
  });

  it("has one job at a time for a fault that its own trigger tells again and again", async () => {
    await open("approve");
    await offer(jobOf("own 1", Date.now(), { own: true }));
    await comes("own 1", "approval");
    const second = await offer(jobOf("own 2", Date.now(), { own: true }));
    assert.deepEqual(second, { answer: "duplicate", trace: jobOf("own 1", 0).trace });
  });

  it("heals one at a time, and asks again who is busy", async () => {
    proof = 1;
    helper.faults = 10;
    helper.workMs = 20;
    await open("auto", { rechecks: [] });
    await Promise.all(Array.from({ length: 10 }, async (_, n) => offer(jobOf(`n${n}`, Date.now()))));
    await until(() => healed() === 10, "ten heals", 20_000);
    assert.equal(helper.most, 1);
    assert.ok([...helper.effects.values()].every((times) => times === 1));
  });

  const strangers: Readonly<Record<string, NonNullable<HelperServer["raw"]>>> = {
    silence: () => undefined,
    "an answer without an end": (socket) => void setInterval(() => socket.write("x".repeat(65_536)), 1).unref(),
    garbage: (socket) => void socket.end("\u0000\u00FF no json\n"),
    "no line": (socket) => void socket.end('{"v":1'),
    "JSON that is no answer": (socket) => void socket.end('{"v":1,"exit":0}\n'),
    "the right answer to another": (socket) =>
      void socket.end(
        `${JSON.stringify({ v: 1, verb: "heal", trace: "f".repeat(32), exit: 10, result: cleanupOf("cured") })}\n`,
      ),
    "an answer to another verb": (socket, trace) =>
      void socket.end(`${JSON.stringify({ v: 1, verb: "look", trace, exit: 10, result: cleanupOf("cured") })}\n`),
    "a fault of its own": (socket, trace) =>
      void socket.end(`${JSON.stringify({ v: 1, trace, error: { code: 70, message: "unforeseen" } })}\n`),
  };
  it("believes no stranger behind the helper's socket: each is asked four times, and a person is told", async function () {
    this.timeout(40_000);
    proof = 1;
    const byTrace = new Map(Object.entries(strangers).map(([name, raw]) => [jobOf(name, 0).trace, raw]));
    helper.raw = (socket, trace) => byTrace.get(trace)?.(socket, trace);
    await open("auto", { timeoutMs: 200 });
    const names = Object.keys(strangers);
    await Promise.all(names.map(async (name) => offer(jobOf(name, Date.now()))));
    await until(() => names.every((name) => statesOf(name).includes("escalated")), "all escalated", 30_000);
    for (const name of names)
      assert.equal(helper.asked.filter(({ trace }) => trace === jobOf(name, 0).trace).length, 4, name);
    assert.equal(events().filter(({ alertType }) => alertType === "error").length, names.length);
  });

  it("asks nothing of a helper whose socket, or its folder, is another user's or open to others", async () => {
    const socket = at("helper/h.sock");
    const ask = async (owner: number) => helperAt({ socket, owner, timeoutMs: 1000 }).ask("heal", "0".repeat(32));
    assert.match(JSON.stringify(await ask(ownUser() + 1)), /not trusted/u);
    chmodSync(at("helper"), 0o777);
    assert.match(JSON.stringify(await ask(ownUser())), /not trusted/u);
    assert.deepEqual(helper.asked, []);
    chmodSync(at("helper"), 0o755);
    assert.equal((await ask(ownUser())).kind, "done");
  });

  it("answers an error to what is no request, on both sockets, and goes on", async () => {
    await open("observe");
    const job = jobOf("a", Date.now());
    const bad = [
      "x",
      "null",
      "[]",
      "{}",
      '{"v":1}',
      '{"v":2,"ask":"status"}',
      '{"v":1,"ask":"status","more":1}',
      JSON.stringify({ v: 1, offer: { ...job, command: "rm" } }),
      JSON.stringify({ v: 1, offer: { ...job, host: "../x" } }),
      JSON.stringify({ v: 1, offer: { ...job, id: "a" } }),
      JSON.stringify({ v: 1, offer: { ...job, at: 0.5 } }),
      JSON.stringify({ v: 1, ask: "approve", id: "a".repeat(65), by: "x" }),
      `{"v":1,"offer":${JSON.stringify(job)},"__proto__":{"x":1}}`,
      "\u0000",
      "y".repeat(2 * maxLineBytes),
    ];
    for (const socket of ["jobs.sock", "control.sock"])
      for (const line of bad)
        assert.ok(
          "error" in
            z
              .object({ error: z.string() })
              .parse(JSON.parse(await askLine(at(socket), line, { timeoutMs: 5000, maxBytes: maxLineBytes }))),
          line.slice(0, 80),
        );
    // What the one may be asked, the other may not.
    for (const ask of ["status", "jobs"]) assert.ok("error" in handOverAnswer.parse(await askJobs({ v: 1, ask })));
    assert.ok("error" in controlAnswer.parse(await askControl({ v: 1, offer: job })));
    assert.deepEqual(changes, []);
    assert.ok("answer" in (await offer(job)));
  });
  const askJobs = async (request: unknown): Promise<unknown> => ask("jobs.sock", request);
  const askControl = async (request: unknown): Promise<unknown> => ask("control.sock", request);

  it("drops who is slow, and serves others meanwhile", async function () {
    this.timeout(20_000);
    await open("observe");
    const slow = Array.from({ length: 100 }, () => createConnection({ path: at("jobs.sock") }));
    const gone = slow.map(async (socket) => new Promise((resolve) => socket.on("error", resolve).on("close", resolve)));
    for (const socket of slow) socket.write('{"v":1,');
    assert.ok("answer" in (await offer(jobOf("a", Date.now()))));
    await Promise.all(gone);
  });

  it("takes up after a restart what was waiting, and looks that are due", async () => {
    proof = 1;
    helper.workMs = 300;
    await open("auto", { rechecks: [50] });
    for (const name of ["a", "b", "c"]) await offer(jobOf(name, Date.now()));
    await comes("a", "healed");
    await close();
    assert.equal(statesOf("a").at(-1), "healed");
    assert.equal(statesOf("c").at(-1), "waiting");
    helper.workMs = 0;
    await open("auto", { rechecks: [50] });
    await comes("c", "healthy");
    await until(() => changes.some(({ recheck }) => recheck === 0), "the look after the cure");
    assert.equal(healed(), 1);
  });
});
