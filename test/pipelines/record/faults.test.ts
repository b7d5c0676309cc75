import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../host/until.ts";
import { isRoot, needs } from "../../needs.ts";
import { container, netns, recordStage } from "./stage.ts";

const mac = "02:42:0a:00:00:02";

describe("pipelines/record, when things go wrong", function () {
  this.timeout(30_000);
  let stage: ReturnType<typeof recordStage>;
  beforeEach(function () {
    needs(this, "root", isRoot());
    stage = recordStage();
    stage.overlay();
  });
  afterEach(async () => stage?.clear());

  const events = () => stage.entries.filter(({ kind }) => kind === "event");
  const of = (kind: string) => stage.entries.filter((entry) => entry.kind === kind);

  it("says within 3 s that a local container's MAC is on the vxlan port, and that it is back", async () => {
    stage.docker.set({ containers: [container("A1", mac)] });
    await stage.start().ready;
    stage.bridge([`fdb add ${mac} dev veth0 master dynamic`]);
    await sleep(1500);
    assert.deepEqual(of("misplaced"), []);
    stage.bridge([`fdb replace ${mac} dev vxlan0 master dynamic`]);
    await until("on", () => of("misplaced").length === 1, 3000);
    const [on] = of("misplaced");
    assert.deepEqual([on?.state, on?.container, on?.mac, on?.network], ["on", "A1", mac, "net1"]);
    assert.ok(on?.share !== undefined && on.share > 0.5 && on.share <= 1);
    stage.bridge([`fdb replace ${mac} dev veth0 master dynamic`]);
    await until("off", () => of("misplaced").length === 2, 3000);
    assert.equal(of("misplaced")[1]?.state, "off");
    const moved = events().filter(({ moves }) => moves === 1);
    assert.deepEqual(
      moved.map(({ dev, flaps }) => [dev, flaps]),
      [
        ["vxlan0", undefined],
        ["veth0", 1],
      ],
    );
  });

  it("finds by the first dump what was misplaced before it came", async () => {
    stage.docker.set({ containers: [container("A1", mac)] });
    stage.bridge([`fdb add ${mac} dev vxlan0 master dynamic`]);
    await stage.start().ready;
    await until("on", () => of("misplaced").length === 1, 3000);
    stage.docker.set({ containers: [] });
    await until("off with its container", () => of("misplaced").length === 2, 1000);
  });

  it("gives devices the names that they have, while ip goes on with the old ones", async () => {
    await stage.start().ready;
    stage.folder.run(netns, ["ip", "link", "set", "veth1", "down"]);
    stage.folder.run(netns, ["ip", "link", "set", "veth1", "name", "port1"]);
    stage.folder.run(netns, ["ip", "link", "set", "port1", "up"]);
    stage.bridge([`fdb add ${mac} dev port1 master dynamic`]);
    await until("the row", () => events().some((event) => event.mac === mac));
    const row = events().find((event) => event.mac === mac);
    assert.equal(row?.message, `dev veth1 lladdr ${mac} REACHABLE`);
    assert.equal(row?.dev, "port1");
  });

  it("counts what the kernel drops while ip hangs, and reads the tables again", async () => {
    const recorder = stage.start({ rcvbuf: 65_536 });
    await recorder.ready;
    await sleep(1100);
    stage.docker.set({ containers: [container("A1", mac)] });
    const before = events().reduce((sum, { count = 0 }) => sum + count, 0);
    const [bridge = 0] = recorder.pids();
    process.kill(bridge, "SIGSTOP");
    try {
      const rows = Array.from(
        { length: 2000 },
        (_, n) => `02:00:00:00:${(n >> 8).toString(16).padStart(2, "0")}:${(n & 255).toString(16).padStart(2, "0")}`,
      );
      stage.bridge([
        ...rows.map((row) => `fdb add ${row} dev veth0 master dynamic`),
        `fdb add ${mac} dev vxlan0 master dynamic`,
      ]);
      await until("an overrun", () => of("overrun").length > 0);
    } finally {
      process.kill(bridge, "SIGCONT");
    }
    const total = () =>
      events().reduce((sum, { object, count = 0 }) => sum + (object === "fdb" ? count : 0), 0) - before;
    const lost = () =>
      of("overrun")
        .filter(({ socket }) => socket === "bridge")
        .reduce((sum, { count = 0 }) => sum + count, 0);
    await until("all", () => total() + lost() >= 2001);
    assert.equal(total() + lost(), 2001);
    assert.ok(lost() > 0);
    const [overrun] = of("overrun");
    assert.ok(overrun?.since !== undefined && overrun.until !== undefined && overrun.until - overrun.since < 3_000_000);
    // Its event was dropped: only the dump can tell.
    await until("misplaced", () => of("misplaced").length > 0, 15_000);
  });

  it("loses nothing and stays small while the journal takes nothing", async () => {
    const recorder = stage.start();
    await recorder.ready;
    stage.journal.takes = false;
    const [entries, total] = [stage.entries.length, recorder.stats().total];
    for (let round = 0; round < 5; round++)
      stage.bridge(Array.from({ length: 200 }, (_, n) => `fdb replace ${mac} dev veth${n % 2} master dynamic`));
    await until("all read", () => recorder.stats().pending >= 1000);
    assert.equal(stage.entries.length, entries);
    stage.journal.takes = true;
    await until("all written", () => recorder.stats().pending === 0);
    assert.ok(recorder.stats().total - total >= 1000);
    assert.ok(stage.entries.length - entries <= 15);
    const moves = events().reduce((sum, entry) => sum + (entry.moves ?? 0), 0);
    assert.equal(moves, 999);
  });

  it("says once, after its sockets listen, since when no recorder was at work", async () => {
    const since = (Date.now() - 5000) * 1000;
    const recorder = stage.start({ previous: async () => since });
    await recorder.ready;
    const gaps = of("gap");
    assert.equal(gaps.length, 1);
    assert.equal(gaps[0]?.since, since);
    assert.ok(gaps[0]?.until !== undefined && Math.abs(gaps[0].until / 1000 - Date.now()) < 2000);
    assert.equal(recorder.pids().length, 2);
    stage.bridge([`fdb add ${mac} dev veth0 master dynamic`]);
    await until("the event after it", () => events().some((event) => event.mac === mac));
  });

  it("works on where the journal can not tell, and says so", async () => {
    const recorder = stage.start({ previous: async () => Promise.reject(new Error("no journalctl")) });
    await recorder.ready;
    assert.deepEqual(of("gap"), []);
    assert.ok(stage.log.some((line) => line.includes("no journalctl")));
  });

  it("picks up a namespace that comes later, and one that was made anew under the same name", async () => {
    const recorder = stage.start();
    await recorder.ready;
    stage.overlay("2-abcdef0123");
    await until("both", () => recorder.pids().length === 4, 2000);
    const before = recorder.pids();
    stage.folder.remove(netns);
    stage.overlay(netns);
    await until(
      "the new one",
      () => recorder.pids().length === 4 && recorder.pids().filter((pid) => before.includes(pid)).length === 2,
    );
    const gone = before.filter((pid) => !recorder.pids().includes(pid));
    await until("the old ones gone", () => gone.every((pid) => !existsSync(`/proc/${pid}`)));
    assert.deepEqual(
      of("namespace")
        .map(({ netns: file, state }) => `${file} ${state}`)
        .sort(),
      ["1-abcdef0123 down", "1-abcdef0123 up", "1-abcdef0123 up", "2-abcdef0123 up"],
    );
  });

  it("records a network that Docker does not tell of by the start of its id, and by its name as soon as it does", async () => {
    const { networks } = stage.docker.get();
    stage.docker.set({ networks: [] });
    await stage.start().ready;
    stage.bridge([`fdb add ${mac} dev veth0 master dynamic`]);
    await until("an event", () => events().some(({ network }) => network === "abcdef0123"));
    stage.docker.set({ networks });
    stage.bridge([`fdb del ${mac} dev veth0 master`]);
    await until("by name", () => events().some(({ network, action }) => network === "net1" && action === "del"));
  });

  it("ends within a second, with all that was folded written and no process left", async () => {
    const recorder = stage.start({ maxEntries: 10 });
    await recorder.ready;
    const pids = recorder.pids();
    const before = recorder.stats().total;
    stage.bridge(Array.from({ length: 500 }, (_, n) => `fdb replace ${mac} dev veth${n % 2} master dynamic`));
    await until("all read", () => recorder.stats().total + recorder.stats().pending - before >= 500);
    const began = performance.now();
    await recorder.close();
    assert.ok(performance.now() - began < 1000);
    assert.deepEqual(recorder.stats().pending, 0);
    assert.ok(stage.entries.at(-1)!.total - before >= 500);
    assert.ok(pids.length === 2 && pids.every((pid) => !existsSync(`/proc/${pid}`)));
  });
});
