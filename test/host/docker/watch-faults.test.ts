import assert from "node:assert/strict";
import { until } from "../until.ts";
import { type Answer, type ScriptedDocker, containerEvent, idOf, inspectOf, json } from "./scripted.ts";
import { type Stage, containerIds, dockerErrorOf, setStage } from "./stage.ts";

const [a, b, c] = [idOf(1), idOf(2), idOf(3)];
const inspectPath = (id: string): string => `/containers/${id}/json`;

describe("host/docker/watch, when Docker fails", () => {
  let stage: Stage;
  let docker: ScriptedDocker;

  beforeEach(async () => {
    stage = await setStage();
    docker = stage.docker;
  });
  afterEach(async () => {
    await stage.clear();
  });

  it("leaves out a container that vanishes between list and inspect, without an error", async () => {
    stage.run(a, b);
    docker.faults.set(inspectPath(a), (response) => json(response, { message: "No such container" }, 404));
    const watch = stage.watching();
    await watch.synced();
    assert.deepEqual(containerIds(watch), [b]);
    assert.deepEqual([watch.stats().failing, watch.stats().errors.status], [0, 0]);
  });

  it("keeps what is known of a container that can not be inspected, goes on with the others, tries again", async () => {
    stage.run(a, b);
    const watch = stage.watching({ timeoutMs: 60, retryMs: 30 });
    await watch.synced();
    docker.faults.set(inspectPath(a), () => undefined);
    docker.emit(containerEvent("update", a));
    docker.start(c);
    await until("the failure", () => watch.stats().failing === 1);
    await until("c", () => containerIds(watch).length === 3);
    assert.equal(watch.inventory().state, "live");
    assert.ok(watch.stats().errors.timeout >= 1);
    docker.faults.delete(inspectPath(a));
    docker.containers.set(a, inspectOf(a, { Name: "/later" }));
    await until("read at last", () => watch.inventory().containers[0]?.name === "later");
    assert.equal(watch.stats().failing, 0);
    assert.equal(stage.logged.filter((line) => line.includes(a)).length, 1, "logged once");
  });

  it("tries again a container that came after the list was taken, and could not be inspected", async () => {
    stage.run(a);
    docker.faults.set("/networks", (response) => {
      // The list is there, and the first whole reading waits for this.
      docker.faults.delete("/networks");
      docker.faults.set(inspectPath(b), (inspected) => {
        docker.faults.delete(inspectPath(b));
        json(inspected, { message: "busy" }, 500);
        setTimeout(() => json(response, []), 30);
      });
      docker.start(b);
    });
    const watch = stage.watching({ retryMs: 60 });
    await watch.synced();
    await until("the container", () => containerIds(watch).length === 2);
    assert.equal(watch.stats().failing, 0);
  });

  it("goes on without networks where a proxy denies them, and says so", async () => {
    stage.run(a);
    docker.faults.set("/networks", (response) => json(response, { message: "forbidden" }, 403));
    const watch = stage.watching();
    const inventory = await watch.synced();
    assert.deepEqual([inventory.state, inventory.networks], ["live", []]);
    assert.equal(watch.stats().failing, 1);
    assert.ok(stage.logged.some((line) => line.includes("/networks")));
  });

  it("does not take an engine where no inspect answers for one without containers", async () => {
    stage.run(a, b);
    for (const id of [a, b]) docker.faults.set(inspectPath(id), (response) => json(response, { message: "x" }, 500));
    const watch = stage.watching();
    assert.equal((await dockerErrorOf(watch.synced())).status, 500);
    assert.equal(watch.inventory().state, "never");
  });

  for (const [what, path, fault] of [
    ["garbage for a list", "/containers/json", (r) => r.end("<html>")],
    ["a list of another shape", "/containers/json", (r) => json(r, { containers: [] })],
    ["null for a list", "/containers/json", (r) => json(r, null)],
    ["half a list", "/containers/json", (r) => void setTimeout(() => r.destroy(), r.write('[{"Id":"a') ? 5 : 6)],
    ["500 with text", "/networks", (r) => r.writeHead(500).end("boom")],
    ["a network without an id", "/networks", (r) => json(r, [{ Name: "x" }])],
  ] satisfies [string, string, Answer][]) {
    it(`keeps the last known good over ${what}, says so, and comes back`, async () => {
      stage.run(a);
      const watch = stage.watching({ resyncMs: 20 });
      await watch.synced();
      docker.faults.set(path, fault);
      await until("stale", () => watch.inventory().state === "stale");
      assert.deepEqual(containerIds(watch), [a]);
      assert.match(watch.inventory().error ?? "", new RegExp(`GET ${path}`));
      docker.faults.delete(path);
      await until("live", () => watch.inventory().state === "live");
      assert.equal(watch.inventory().error, undefined);
    });
  }

  it("shows nothing of half a first listing", async () => {
    stage.run(a);
    docker.faults.set("/networks", (response) => void setTimeout(() => json(response, { message: "no" }, 500), 30));
    const watch = stage.watching();
    const changes: string[] = [];
    watch.onChange((inventory) => changes.push(`${inventory.state} ${inventory.containers.length}`));
    assert.equal((await dockerErrorOf(watch.synced())).status, 500);
    assert.equal(watch.inventory().state, "never");
    assert.match(watch.inventory().error ?? "", /500/);
    docker.faults.delete("/networks");
    await until("live", () => watch.inventory().state === "live");
    assert.deepEqual(changes, ["never 0", "live 1"]);
  });

  it("rejects at once with the cause where the socket is absent, and finds the engine when it comes", async () => {
    await docker.stop();
    const watch = stage.watching();
    assert.equal((await dockerErrorOf(watch.synced())).kind, "absent");
    assert.equal((await dockerErrorOf(watch.synced())).kind, "absent");
    assert.equal(watch.inventory().state, "never");
    stage.run(a);
    await docker.listen();
    await until("live", () => watch.inventory().state === "live");
    assert.deepEqual(containerIds(watch), [a]);
    assert.ok(watch.stats().reconnects >= 1 && watch.stats().errors.absent >= 1);
    assert.equal(stage.logged.filter((line) => line.startsWith("warn")).length, 1, stage.logged.join("\n"));
    assert.match(stage.logged.at(-1) ?? "", /answers again: 1 containers/);
  });

  it("drops on return what died meanwhile, and takes up what came", async () => {
    stage.run(a, b);
    const watch = stage.watching();
    await watch.synced();
    await docker.stop();
    await until("stale", () => watch.inventory().state === "stale");
    assert.deepEqual(containerIds(watch), [a, b]);
    docker.containers.delete(a);
    stage.run(c);
    await docker.listen();
    await until("live", () => watch.inventory().state === "live");
    assert.deepEqual(containerIds(watch), [b, c]);
  });

  it("takes a stream that is cut in mid-line as lost, and lists again", async () => {
    stage.run(a);
    const watch = stage.watching();
    await watch.synced();
    docker.containers.set(b, inspectOf(b));
    for (const subscriber of docker.subscribers) subscriber.end('{"Type":"contai');
    await until("b", () => containerIds(watch).length === 2);
    assert.deepEqual([watch.stats().errors.garbage, watch.stats().resyncs], [1, 2]);
  });

  it("notices a hung engine by its ping, with the stream still open", async () => {
    stage.run(a);
    const watch = stage.watching({ pingMs: 20, timeoutMs: 50 });
    await watch.synced();
    stage.clock.advance(1000);
    await until("confirmed by ping", () => watch.inventory().asOf === stage.clock.now());
    for (const path of ["/_ping", "/events", "/containers/json"]) docker.faults.set(path, () => undefined);
    await until("stale", () => watch.inventory().state === "stale");
    assert.match(watch.inventory().error ?? "", /GET \/_ping: no whole answer within 50 ms/);
    docker.faults.clear();
    await until("live", () => watch.inventory().state === "live");
  });

  it("does not hammer an engine whose stream ends at once", async () => {
    docker.faults.set("/events", (response) => response.end());
    const began = performance.now();
    stage.watching({ backoffMs: [20, 1000] });
    await until("four attempts", () => stage.asks("/events") === 4);
    // Pauses of 20, 40 and 80 ms, each at least half of that.
    assert.ok(performance.now() - began >= 65);
  });
});
