import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Container } from "../../../host/docker/inventory.ts";
import { until } from "../until.ts";
import { type ScriptedDocker, containerEvent, idOf, inspectOf, json, networkEvent, networkOf } from "./scripted.ts";
import { type Stage, containerIds, dockerErrorOf, setStage } from "./stage.ts";

const [a, b] = [idOf(1), idOf(2)];
const inspectPath = (id: string): string => `/containers/${id}/json`;
const net = "n".repeat(25);

describe("host/docker/watch", () => {
  let stage: Stage;
  let docker: ScriptedDocker;

  beforeEach(async () => {
    stage = await setStage();
    docker = stage.docker;
  });
  afterEach(async () => {
    await stage.clear();
  });

  it("reads all once for a one-shot use, subscribed first, and leaves nothing behind", async () => {
    stage.run(b, a);
    docker.networks.push(networkOf(net, "front"));
    const watch = stage.watching();
    assert.deepEqual(watch.inventory(), { state: "never", asOf: 0, revision: 0, containers: [], networks: [] });
    const inventory = await watch.synced(AbortSignal.timeout(3000));
    assert.equal(inventory, watch.inventory());
    assert.deepEqual(containerIds(watch), [a, b]);
    assert.equal(inventory.networks[0]?.name, "front");
    assert.deepEqual([inventory.state, inventory.asOf], ["live", stage.clock.now()]);
    assert.ok(inventory.revision > 0);
    assert.equal(docker.asked[0], "/events");
    await watch.close();
    await until("connections closed", () => docker.connections.size === 0);
    assert.equal(watch.inventory(), inventory);
    await assert.rejects(watch.synced(), /closed/);
  });

  it("subscribes to what matters, since its own start", async () => {
    let url = "";
    docker.faults.set("/events", (response, request) => {
      url = request.url ?? "";
      response.end();
    });
    const error = await dockerErrorOf(stage.watching().synced());
    assert.equal(error.kind, "refused");
    const query = new URL(url, "http://docker").searchParams;
    assert.equal(query.get("since"), "1000000000.000");
    assert.match(query.get("filters") ?? "", /"type":\{"container":true,"network":true\}.*"die":true/);
  });

  it("follows starts, deaths and renames, and tells who listens", async () => {
    stage.run(a);
    const watch = stage.watching();
    await watch.synced();
    const revisions: number[] = [];
    const deaths: string[] = [];
    const silence = watch.onChange((inventory) => revisions.push(inventory.revision));
    watch.onChange(() => {
      throw new Error("a bad listener");
    });
    watch.onDie((id) => deaths.push(id));
    docker.start(b);
    await until("b", () => containerIds(watch).length === 2);
    docker.containers.set(b, inspectOf(b, { Name: "/renamed" }));
    docker.emit(containerEvent("rename", b));
    await until("the new name", () => watch.inventory().containers[1]?.name === "renamed");
    silence();
    docker.die(a);
    await until("a gone", () => containerIds(watch).join() === b);
    assert.equal(revisions.length, 2);
    assert.ok((revisions[0] ?? 0) < (revisions[1] ?? 0));
    assert.deepEqual(deaths, [a]);
    assert.deepEqual([watch.stats().events, watch.stats().unseen], [3, 0]);
    assert.ok(stage.logged.some((line) => /a listener.*a bad listener/.test(line)));
  });

  it("keeps the very same inventory where a reading brings nothing new", async () => {
    stage.run(a);
    const watch = stage.watching();
    const before = await watch.synced();
    let changes = 0;
    watch.onChange(() => changes++);
    docker.emit(containerEvent("update", a));
    await until("read again", () => stage.asks(inspectPath(a)) === 2);
    await sleep(20);
    assert.equal(watch.inventory().revision, before.revision);
    assert.equal(changes, 0);
  });

  it("reads a container again when it is connected, and the networks when one comes", async () => {
    stage.run(a);
    docker.networks.push(networkOf(net, "front"));
    const watch = stage.watching();
    await watch.synced();
    const endpoint = { NetworkID: net, IPAddress: "10.0.1.7", GlobalIPv6Address: "", MacAddress: "02:42:0a:00:01:07" };
    docker.containers.set(a, inspectOf(a, { NetworkSettings: { Networks: { front: endpoint } } }));
    docker.emit(networkEvent("connect", net, a));
    await until("attached", () => watch.inventory().containers[0]?.attachments[0]?.ipv4 === "10.0.1.7");
    assert.equal(stage.asks("/networks"), 1, "a known network is not listed again");
    docker.networks.push(networkOf("m".repeat(25), "back"));
    docker.emit(networkEvent("create", "m".repeat(25)));
    await until("the new network", () => watch.inventory().networks.length === 2);
    docker.networks.push(networkOf("o".repeat(25), "swarm made it, no create event"));
    docker.emit(networkEvent("connect", "o".repeat(25), a));
    await until("the unknown network", () => watch.inventory().networks.length === 3);
  });

  it("makes few inspects of a storm of events, and loses none", async () => {
    stage.run(a);
    const watch = stage.watching({ coalesceMs: 50 });
    await watch.synced();
    for (let n = 0; n < 1000; n++) docker.emit(containerEvent("update", a));
    for (let n = 10; n < 60; n++) docker.start(idOf(n));
    await until("all read", () => containerIds(watch).length === 51);
    assert.equal(watch.stats().events, 1050);
    assert.ok(stage.asks(inspectPath(a)) <= 8, `${stage.asks(inspectPath(a))} inspects`);
  });

  it("holds events back to answer them together", async () => {
    stage.run(a);
    const watch = stage.watching({ coalesceMs: 60_000 });
    await watch.synced();
    for (let n = 1; n <= 20; n++) {
      docker.emit(containerEvent("update", a));
      await until("the event", () => watch.stats().events === n);
    }
    assert.equal(stage.asks(inspectPath(a)), 1);
  });

  it("never has more inspects under way than allowed, nor two of one container", async () => {
    let most = 0;
    const under: string[] = [];
    for (let n = 1; n <= 20; n++) {
      const id = idOf(n);
      stage.run(id);
      docker.faults.set(inspectPath(id), (response) => {
        assert.ok(!under.includes(id));
        under.push(id);
        most = Math.max(most, under.length);
        if (n === 1) docker.emit(containerEvent("update", id));
        setTimeout(() => {
          under.splice(under.indexOf(id), 1);
          json(response, inspectOf(id));
        }, 5);
      });
    }
    const watch = stage.watching({ concurrency: 3, coalesceMs: 1 });
    assert.equal((await watch.synced()).containers.length, 20);
    assert.equal(most, 3);
  });

  it("does not lose a container that starts, or one that dies, while the list is on its way", async () => {
    stage.run(a);
    docker.faults.set("/containers/json", (response) => {
      docker.faults.delete("/containers/json");
      docker.die(a);
      docker.start(b);
      setTimeout(() => json(response, [{ Id: a }]), 30);
    });
    const watch = stage.watching();
    await watch.synced();
    await until("the end state", () => containerIds(watch).join() === b);
  });

  it("believes the later answer where a container changes while it is inspected", async () => {
    docker.faults.set(inspectPath(a), (response) => {
      docker.faults.delete(inspectPath(a));
      const old = inspectOf(a);
      docker.die(a);
      setTimeout(() => json(response, old), 40);
    });
    stage.run(a);
    const watch = stage.watching({ coalesceMs: 1 });
    await watch.synced();
    await until("gone", () => containerIds(watch).length === 0);
    assert.equal(stage.asks(inspectPath(a)), 2);
  });

  it("finds by its resync what no event told", async () => {
    stage.run(a);
    const watch = stage.watching({ resyncMs: 20 });
    await watch.synced();
    docker.containers.clear();
    stage.run(b);
    await until("resynced", () => containerIds(watch).join() === b);
  });

  it("counts a container that came and went unseen", async () => {
    const watch = stage.watching({ coalesceMs: 30 });
    await watch.synced();
    const deaths: string[] = [];
    watch.onDie((id) => deaths.push(id));
    docker.start(a);
    docker.die(a);
    await until("the death", () => deaths.length === 1);
    assert.equal(watch.stats().unseen, 1);
  });

  it("ends calls under way at once when it is closed, and a wait by its signal", async () => {
    docker.faults.set("/containers/json", () => undefined);
    const watch = stage.watching({ timeoutMs: 60_000 });
    const waited = watch.synced();
    const given = new AbortController();
    const other = watch.synced(given.signal);
    await until("asked", () => docker.asked.includes("/containers/json"));
    given.abort(new Error("given up"));
    await assert.rejects(other, /given up/);
    const closed = watch.close();
    await assert.rejects(waited, /closed/);
    await closed;
    await until("connections closed", () => docker.connections.size === 0);
    assert.deepEqual(watch.stats().errors.timeout, 0);
  });

  it("lets the process end after it is closed", async () => {
    stage.run(a);
    const code = `
      const { dockerClient } = await import("./dist/host/docker/client.js");
      const { watchDocker } = await import("./dist/host/docker/watch.js");
      const { liveClock } = await import("./dist/host/clock.js");
      const client = dockerClient({ socketPath: process.argv[1] });
      const watch = watchDocker({ client, clock: liveClock, log: () => undefined });
      process.stdout.write(String((await watch.synced()).containers.length));
      await watch.close();`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", code, docker.socketPath]);
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const late = setTimeout(() => child.kill("SIGKILL"), 8000);
    await once(child, "close");
    clearTimeout(late);
    assert.deepEqual([said, child.exitCode], ["1", 0]);
  });

  it("reads a container as the contract has it", async () => {
    stage.run(a);
    const watch = stage.watching();
    const expected: Container = {
      id: a,
      name: "c1",
      image: "busybox",
      pid: 1001,
      startedAt: Date.UTC(2026, 10, 22, 10, 0, 0, 123),
      networkMode: "default",
      labels: {},
      env: {},
      attachments: [],
    };
    assert.deepEqual((await watch.synced()).containers, [expected]);
  });
});
