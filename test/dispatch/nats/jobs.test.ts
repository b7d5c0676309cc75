import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { NotHandedOver } from "../../../dispatch/hand-over.ts";
import { stream, subjects } from "../../../dispatch/nats/subjects.ts";
import { until } from "../../host/until.ts";
import { jobFor, keyOf, memoryWorker } from "./fleet.ts";
import { useFleet } from "./use-fleet.ts";

const [a, b, c] = ["a.example.com", "b.example.com", "c.example.com"] as const;

describe("dispatch/nats: jobs", function () {
  this.timeout(30_000);
  const { server, provide, gateway, hostOf } = useFleet([a, b, c], [a, b]);

  it("come to their host alone, once, and are told of", async () => {
    await provide();
    const { handOver, told, fleet: watched } = await gateway();
    const [one, two] = [memoryWorker(a), memoryWorker(b)];
    await Promise.all([hostOf(a, one.worker), hostOf(b, two.worker)]);
    const job = jobFor(a);
    assert.deepEqual(await handOver.offer(job), { answer: "accepted", trace: job.trace });
    await until("it is told of", () => told.length > 0);
    assert.deepEqual([...one.jobs.values()], [job]);
    assert.deepEqual(two.offered, []);
    assert.deepEqual(
      told.map(({ key, id, state }) => ({ key, id, state })),
      [{ key: keyOf(a), id: job.id, state: "taken" }],
    );
    await until("both are seen", () => watched.seen.size === 2);
    assert.equal(watched.seen.get(keyOf(b))?.host, b);
  });

  it("that are offered again are duplicates, with the trace of the first, also after the broker was killed", async () => {
    await provide();
    const { handOver, broker } = await gateway();
    const job = jobFor(a);
    await handOver.offer(job);
    const again = { ...job, trace: "f".repeat(32) };
    assert.deepEqual(await handOver.offer(again), { answer: "duplicate", trace: job.trace });
    await server().end("SIGKILL");
    await server().start();
    await until("it is connected again", broker.isConnected);
    assert.deepEqual(await handOver.offer(again), { answer: "duplicate", trace: job.trace });
  });

  it("wait for a host that is away, and outlive the broker's SIGKILL", async () => {
    await provide();
    const { handOver } = await gateway();
    const job = jobFor(a);
    await handOver.offer(job);
    await server().end("SIGKILL");
    await server().start();
    const one = memoryWorker(a);
    await hostOf(a, one.worker);
    await until("it has come", () => one.jobs.has(job.id), 10_000);
  });

  it("their host knows of each new connection, on which it is to hear anew what holds", async () => {
    await provide();
    let count = 0;
    await hostOf(a, memoryWorker(a).worker, 100, {}, () => void count++);
    assert.equal(count, 1);
    await server().end("SIGKILL");
    await server().start();
    await until("it is connected again", () => count === 2, 10_000);
  });

  it("for a host that nobody enrolled, or that is called like everybody, go nowhere", async () => {
    await provide();
    const { handOver } = await gateway();
    const one = memoryWorker(a);
    await hostOf(a, one.worker);
    for (const host of [c, "*", ">", "a", "a.example"])
      assert.equal((await handOver.offer(jobFor(host))).answer, "unknown-host", host);
    assert.equal(
      (await handOver.withdraw({ v: 1, trace: "0".repeat(32), host: "*", monitor: "1", cycle: "c" })).answer,
      "unknown-host",
    );
    const known = jobFor(a);
    await handOver.offer(known);
    await until("what is its own comes", () => one.jobs.has(known.id));
    assert.equal(one.offered.length, 1);
  });

  it("are capped by the broker for each host, whoever publishes, and free again when they are old", async () => {
    await provide({ jobsPerHost: 2, windowMs: 3000 });
    const { handOver } = await gateway();
    const one = memoryWorker(a);
    await hostOf(a, one.worker);
    const offer = async (host: string) => (await handOver.offer(jobFor(host))).answer;
    assert.deepEqual([await offer(a), await offer(a)], ["accepted", "accepted"]);
    await until("both are taken", () => one.jobs.size === 2);
    assert.equal(await offer(a), "full", "although both are acknowledged");
    assert.equal(await offer(b), "accepted", "another host has its own");
    await sleep(3500);
    assert.equal(await offer(a), "accepted");
  });

  it("are capped by the broker for the fleet, and the gateway can not make room", async () => {
    await provide({ jobsPerFleet: 3 });
    const { handOver, broker } = await gateway();
    for (const host of [a, b, a]) assert.equal((await handOver.offer(jobFor(host))).answer, "accepted");
    assert.equal((await handOver.offer(jobFor(b))).answer, "full");
    const connection = await broker.ready;
    for (const reply of ["PURGE", "DELETE", "UPDATE", "CREATE"].map((what) => `$JS.API.STREAM.${what}.${stream}`)) {
      connection.publish(`$JS.API.STREAM.MSG.GET.${stream}`, JSON.stringify({ seq: 1 }), { reply });
      connection.publish(`$JS.API.CONSUMER.INFO.${stream}.${keyOf(a)}`, "", { reply });
      connection.publish(`$JS.API.STREAM.INFO.${stream}`, "", { reply });
      connection.publish(subjects.job(keyOf(a)), "x", { reply });
    }
    await connection.flush();
    assert.equal((await handOver.offer(jobFor(b))).answer, "full");
    assert.equal((await provide({ jobsPerFleet: 3 })).stream, "there");
  });

  it("are taken back by the host that has them, and no other", async () => {
    await provide();
    const { handOver } = await gateway(1000);
    const withdrawal = { v: 1, trace: "0".repeat(32), host: a, monitor: "1", cycle: "c" } as const;
    await assert.rejects(handOver.withdraw(withdrawal), NotHandedOver);
    const one = memoryWorker(a);
    await hostOf(a, one.worker);
    assert.equal((await handOver.withdraw(withdrawal)).answer, "nothing");
    const job = jobFor(a);
    await handOver.offer(job);
    await until("it has come", () => one.jobs.has(job.id));
    assert.equal((await handOver.withdraw(withdrawal)).answer, "withdrawn");
  });
});
