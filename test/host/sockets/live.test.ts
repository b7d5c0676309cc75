import assert from "node:assert/strict";
import { NotAvailable } from "../../../host/host.ts";
import { procfs } from "../../../host/procfs.ts";
import { type LiveSockets, liveSockets } from "../../../host/sockets/live.ts";
import { needs } from "../../needs.ts";
import { until } from "../until.ts";
import { ask, endHolders, hold, holdEmpty, ssStates, hasTools, tools } from "./stage.ts";

const textWorker = new URL("./text-worker.js", import.meta.url);
const never = new AbortController().signal;

describe("host/sockets, in real network namespaces", () => {
  const said: string[] = [];
  let opened: LiveSockets[] = [];
  const open = (options: { readonly program?: URL } = {}): LiveSockets => {
    const sockets = liveSockets({ log: (level, message) => void said.push(`${level} ${message}`), ...options });
    opened.push(sockets);
    return sockets;
  };

  beforeEach(function () {
    needs(this, tools, hasTools());
    said.length = 0;
  });

  afterEach(async () => {
    await Promise.all(opened.map((sockets) => sockets.close()));
    opened = [];
    await endHolders();
  });

  it("counts every state as ss does, IPv4 and IPv6, by sock_diag and by text", async () => {
    const holder = await hold("states");
    const [diag, text] = [open(), open({ program: textWorker })];
    const truth = ssStates(holder);
    for (const [state, count] of Object.entries(truth))
      assert.ok(count >= 2 || state === "close", `the stage lacks ${state}`);
    for (const [sockets, how] of [
      [diag, "sock_diag"],
      [text, "text"],
    ] as const) {
      // Again and again: the first ones learn how this kernel counts CLOSE_WAIT.
      for (let cycle = 1; cycle <= 5; cycle++) {
        const reading = await ask(sockets, holder);
        assert.deepEqual(reading, { states: truth, how, interrupted: false }, `cycle ${cycle}`);
      }
    }
    assert.deepEqual(ssStates(holder), truth, "the stage moved under the test");
    assert.deepEqual(said, [
      "warn TCP sockets are counted from /proc/PID/net/tcp, some milliseconds of CPU a container: no koffi on this machine",
    ]);
  });

  it("sees a connection that is half open where nothing but a listener was, which is in no total of the kernel's", async () => {
    const holder = await hold("idle");
    const sockets = open();
    for (let cycle = 0; cycle < 3; cycle++) {
      const { states } = await ask(sockets, holder);
      assert.deepEqual([states.listen, states.syn_recv, states.established], [1, 0, 0]);
    }
    await holder.tell("halfOpen");
    for (let cycle = 0; cycle < 2; cycle++) {
      const { states } = await ask(sockets, holder);
      assert.deepEqual(states, ssStates(holder));
      assert.equal(states.syn_recv, 1);
    }
  });

  it("keeps seeing TIME_WAIT where nothing but a listener is in use and nothing comes in", async () => {
    const holder = await hold("timeWait");
    const sockets = open();
    for (let cycle = 0; cycle < 3; cycle++) {
      const { states } = await ask(sockets, holder);
      assert.deepEqual([states.listen, states.time_wait], [1, 1]);
    }
  });

  it("follows a namespace from nothing to CLOSE_WAIT", async () => {
    const holder = await hold("nothing");
    const sockets = open();
    const { states } = await ask(sockets, holder);
    assert.deepEqual(new Set(Object.values(states)), new Set([0]));
    await holder.tell("closeWait");
    await until("the end arrives, and its receipt", () => {
      const { close_wait, fin_wait2 } = ssStates(holder);
      return close_wait === 1 && fin_wait2 === 1;
    });
    for (let cycle = 0; cycle < 5; cycle++) assert.deepEqual((await ask(sockets, holder)).states, ssStates(holder));
  });

  it("reads many at once and tells them apart, the host among them", async () => {
    const [idle, states, empty] = await Promise.all([hold("idle"), hold("states"), holdEmpty()]);
    const sockets = open();
    const host = { key: "host", process: procfs().host() };
    const readings = await sockets.tcpStates([idle, host, states, empty], never);
    host.process.close();
    assert.deepEqual([...readings.keys()], [idle.key, "host", states.key, empty.key]);
    for (const holder of [idle, states, empty]) {
      const reading = readings.get(holder.key);
      assert.ok(reading !== undefined && !(reading instanceof Error));
      assert.deepEqual(reading.states, ssStates(holder));
    }
    assert.ok(!(readings.get("host") instanceof Error));
  });

  it("answers NotAvailable for a process that has ended, and reads the others", async () => {
    const [dead, alive] = await Promise.all([hold("idle"), hold("idle")]);
    const handle = procfs().open(dead.pid);
    const [sockets, both] = [open(), [{ key: dead.key, process: handle }, alive]];
    await sockets.tcpStates(both, never);
    await dead.end();
    for (const asked of [sockets, open({ program: textWorker })]) {
      const readings = await asked.tcpStates(both, never);
      assert.ok(readings.get(dead.key) instanceof NotAvailable);
      const reading = readings.get(alive.key);
      assert.ok(reading !== undefined && !(reading instanceof Error));
      assert.equal(reading.states.listen, 1);
    }
    handle.close();
  });

  it("tells a namespace that ends under a reading from one that is empty", async function () {
    this.timeout(30_000);
    const holder = await hold("many", 2000);
    const handle = procfs().open(holder.pid);
    const sockets = open();
    const one = { key: holder.key, process: handle };
    assert.equal((await ask(sockets, one)).states.established, 2000);
    const ended = holder.end();
    let last: unknown;
    await until("it is gone", () => {
      void ask(sockets, one).then(
        () => undefined,
        (error: unknown) => (last = error),
      );
      return last !== undefined;
    });
    await ended;
    assert.ok(last instanceof NotAvailable, String(last));
    handle.close();
  });
});
