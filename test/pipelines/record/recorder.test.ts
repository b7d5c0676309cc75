import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Entry } from "../../../pipelines/entry.ts";
import { until } from "../../host/until.ts";
import { isRoot, needs } from "../../needs.ts";
import { container, netns, recordStage } from "./stage.ts";

const full = process.env["OVERLAYWATCH_ACCEPT"] === "full";

const macOf = (n: number): string =>
  `02:00:00:${[n >> 16, (n >> 8) & 255, n & 255].map((byte) => byte.toString(16).padStart(2, "0")).join(":")}`;

/** An entry without what is another one at each run. */
function shown({ host, epoch, seq, total, count, since, networkId, ifindex, ...rest }: Entry): Partial<Entry> {
  assert.equal(host, "host1");
  assert.match(epoch, /^[\da-f]{32}$/);
  assert.ok(
    seq > 0 && total > 0 && count === 1 && since !== undefined && networkId !== undefined && ifindex !== undefined,
  );
  return rest;
}

describe("pipelines/record/recorder", function () {
  this.timeout(full ? 180_000 : 30_000);
  let stage: ReturnType<typeof recordStage>;
  beforeEach(function () {
    needs(this, "root", isRoot());
    stage = recordStage();
    stage.overlay();
  });
  afterEach(async () => stage?.clear());

  const events = () => stage.entries.filter(({ kind }) => kind === "event");
  const total = () => events().reduce((sum, { object, count = 0 }) => sum + (object === "fdb" ? count : 0), 0);

  it("writes each event of a quiet namespace as an entry with its device, MAC, network and container", async () => {
    stage.docker.set({ containers: [container("A1", "02:42:0a:00:00:02")] });
    await stage.start().ready;
    stage.bridge([
      "fdb add 02:42:0a:00:00:02 dev veth0 master dynamic",
      "fdb add 02:42:0a:00:00:09 dev vxlan0 dst 192.0.2.7 self permanent",
    ]);
    stage.folder.run(netns, [
      "ip",
      "neigh",
      "add",
      "10.0.0.5",
      "lladdr",
      "02:42:0a:00:00:05",
      "dev",
      "vxlan0",
      "nud",
      "permanent",
    ]);
    await until("three events", () => events().length >= 3);
    const [learned, self, arp] = events().map(shown);
    const common = { kind: "event", action: "new", network: "net1", netns };
    assert.deepEqual(learned, {
      ...common,
      object: "fdb",
      dev: "veth0",
      mac: "02:42:0a:00:00:02",
      container: "A1",
      message: "dev veth0 lladdr 02:42:0a:00:00:02 REACHABLE",
    });
    assert.deepEqual(self, {
      ...common,
      object: "fdb",
      dev: "vxlan0",
      mac: "02:42:0a:00:00:09",
      dst: "192.0.2.7",
      message: "192.0.2.7 dev vxlan0 lladdr 02:42:0a:00:00:09 NOARP PERMANENT",
    });
    assert.deepEqual(arp, {
      ...common,
      object: "neigh",
      dev: "vxlan0",
      mac: "02:42:0a:00:00:05",
      ip: "10.0.0.5",
      message: "10.0.0.5 dev vxlan0 lladdr 02:42:0a:00:00:05 PERMANENT",
    });
  });

  it("counts a storm exactly: what is in the entries and what the kernel dropped is what was done", async () => {
    await stage.start().ready;
    // The devices' own events come up to a second after they were made.
    await sleep(1100);
    const before = total();
    const changes = full ? 200_000 : 20_000;
    const began = performance.now();
    await stage.storm(Array.from({ length: changes }, (_, n) => `fdb add ${macOf(n)} dev veth0 master dynamic`));
    const lost = () =>
      stage.entries
        .filter(({ kind, socket }) => kind === "overrun" && socket === "bridge")
        .reduce((sum, { count = 0 }) => sum + count, 0);
    await until("all counted", () => total() - before + lost() >= changes, 60_000);
    await sleep(600);
    assert.equal(total() - before + lost(), changes);
    const seconds = (performance.now() - began) / 1000;
    assert.ok(events().length <= 100 * (seconds + 1), `${events().length} entries in ${seconds} s`);
  });

  it("starts an ip again that was killed, and says what time it was not at work", async () => {
    const recorder = stage.start();
    await recorder.ready;
    const [first = 0] = recorder.pids();
    process.kill(first, "SIGKILL");
    await until("a gap", () => stage.entries.some(({ kind, socket }) => kind === "gap" && socket === "bridge"));
    const gap = stage.entries.find(({ kind }) => kind === "gap");
    assert.ok(gap?.since !== undefined && gap.until !== undefined && gap.since < gap.until);
    assert.equal(gap.netns, netns);
    assert.equal(recorder.pids().includes(first), false);
    stage.bridge(["fdb add 02:42:0a:00:00:02 dev veth0 master dynamic"]);
    await until("an event after it", () => events().some(({ mac }) => mac === "02:42:0a:00:00:02"));
    assert.equal(recorder.stats().namespaces[0]?.restarts, 1);
  });

  it("lets go of a namespace whose file is gone, and leaves no process", async () => {
    const recorder = stage.start();
    await recorder.ready;
    const pids = recorder.pids();
    assert.equal(pids.length, 2);
    stage.folder.remove(netns);
    await until("no process", () => pids.every((pid) => !existsSync(`/proc/${pid}`)), 2000);
    await until("told", () => stage.entries.some(({ kind, state }) => kind === "namespace" && state === "down"));
    assert.deepEqual(recorder.stats().namespaces, []);
  });
});
