import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type LiveSockets, liveSockets } from "../../../host/sockets/live.ts";
import { needs } from "../../needs.ts";
import { until } from "../until.ts";
import {
  ask,
  endHolders,
  hold,
  holdEmpty,
  type Holder,
  openFiles,
  openSockets,
  ssStates,
  threadNamespaces,
  hasTools,
  tools,
} from "./stage.ts";

const never = new AbortController().signal;
const full = process.env["OVERLAYWATCH_ACCEPT"] === "full";
/** What a thread does wrong that starts while this file names it. */
const order = join(tmpdir(), `overlaywatch-fault-${process.pid}`);
const faulty = new URL("./faulty-worker.js", import.meta.url);

describe("host/sockets, when the thread or its namespaces come and go", () => {
  let sockets: LiveSockets;
  const open = (options: { readonly program?: URL; readonly timeoutMs?: number; readonly idleMs?: number } = {}) => {
    sockets = liveSockets({ log: () => undefined, ...options });
  };

  beforeEach(function () {
    needs(this, tools, hasTools());
  });

  afterEach(async () => {
    writeFileSync(order, "");
    await sockets?.close();
    await endHolders();
  });

  after(() => rmSync(order, { force: true }));

  for (const [fault, message] of [
    ["spin", /^nothing was read within 1000 ms: the thread was ended, another follows$/u],
    ["hang", /^nothing was read within 1000 ms/u],
    ["silence", /^nothing was read within 1000 ms/u],
    ["throw", /^the thread that enters namespaces died \(out of order\)$/u],
    ["exit", /^the thread that enters namespaces died \(code 3\)$/u],
    ["empty", /^cannot read the TCP sockets of process \d+: it was not answered for$/u],
  ] as const) {
    it(`costs one cycle and no more when the thread does this: ${fault}`, async () => {
      const holder = await hold("idle");
      open({ program: faulty, timeoutMs: 1000 });
      writeFileSync(order, fault);
      await assert.rejects(ask(sockets, holder), { message });
      writeFileSync(order, "");
      if (fault === "empty") return;
      // One that hangs in the kernel is left behind: another works beside it.
      assert.equal((await ask(sockets, holder)).states.listen, 1);
    });
  }

  it("leaves no file open and no thread astray where it is cut down in the middle of its work, 60 times", async function () {
    this.timeout(30_000);
    const states = await hold("states");
    const holders = [states, await hold("idle"), await holdEmpty()];
    const home = threadNamespaces();
    assert.equal(home.size, 1);
    open();
    await sockets.tcpStates(holders, never);
    await sockets.close();
    const before = openFiles().length;
    for (let round = 0; round < 60; round++) {
      const cut = new AbortController();
      // Sooner or later: while the thread starts, enters namespaces, or dumps.
      const reading = sockets.tcpStates(holders, cut.signal).catch(() => undefined);
      await sleep(round);
      cut.abort();
      await reading;
    }
    await sockets.close();
    await until("all files are closed", () => openFiles().length <= before);
    assert.deepEqual(threadNamespaces(), home);
    const reading = (await sockets.tcpStates(holders, never)).get(states.key);
    assert.ok(reading !== undefined && !(reading instanceof Error));
    assert.deepEqual(reading.states, ssStates(states));
  });

  it("keeps one socket a namespace, and lets go of those that it is not asked about any more", async () => {
    const holders = await Promise.all(Array.from({ length: 5 }, holdEmpty));
    open();
    await sockets.tcpStates([], never);
    const before = openSockets();
    for (let cycle = 0; cycle < 3; cycle++) await sockets.tcpStates(holders, never);
    assert.equal(openSockets(), before + 5);
    await sockets.tcpStates(holders.slice(0, 2), never);
    assert.equal(openSockets(), before + 2);
    // Asked about, and dead: nothing keeps its namespace alive.
    const [dead, alive] = holders;
    await dead!.end();
    await sockets.tcpStates([alive!], never);
    assert.equal(openSockets(), before + 1);
  });

  it("lets go of everything when nobody asks for a while, and answers when somebody does", async () => {
    const holder = await hold("idle");
    open({ idleMs: 300 });
    const before = openFiles().length;
    await ask(sockets, holder);
    assert.ok(openFiles().length > before);
    await until("everything is let go of", () => openFiles().length <= before);
    assert.equal((await ask(sockets, holder)).states.listen, 1);
  });

  it("answers those that ask at the same time one after the other", async () => {
    const [a, b] = await Promise.all([hold("idle"), hold("states")]);
    open();
    const [first, second] = await Promise.all([ask(sockets, a), ask(sockets, b)]);
    assert.equal(first.states.listen, 1);
    assert.deepEqual(second.states, ssStates(b));
  });

  it("rejects with the reason of its signal, before and while it reads", async () => {
    const holder = await hold("idle");
    open({ program: faulty });
    await assert.rejects(sockets.tcpStates([holder], AbortSignal.abort(new Error("early"))), { message: "early" });
    writeFileSync(order, "silence");
    const cut = new AbortController();
    const reading = sockets.tcpStates([holder], cut.signal);
    setTimeout(() => cut.abort(new Error("late")), 50);
    await assert.rejects(reading, { message: "late" });
  });

  it(`leaks nothing over ${full ? 10_000 : 500} cycles with namespaces coming and going`, async function () {
    this.timeout(full ? 3_600_000 : 60_000);
    open();
    const home = threadNamespaces();
    const pool: Holder[] = await Promise.all(Array.from({ length: 4 }, holdEmpty));
    await sockets.tcpStates(pool, never);
    const before = openFiles().length;
    for (let cycle = 0; cycle < (full ? 10_000 : 500); cycle++) {
      await pool.shift()?.end();
      pool.push(await holdEmpty());
      const readings = await sockets.tcpStates(pool, never);
      for (const reading of readings.values())
        assert.ok(!(reading instanceof Error), reading instanceof Error ? reading.message : "");
    }
    assert.deepEqual(threadNamespaces(), home);
    await until("no file more than at first", () => openFiles().length <= before);
  });
});
