import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { headers } from "@nats-io/transport-node";
import { jetstream } from "@nats-io/jetstream";
import { z } from "zod";
import { NotHandedOver } from "../../../dispatch/hand-over.ts";
import type { Job } from "../../../dispatch/job.ts";
import { connectOnce } from "../../../dispatch/nats/connection.ts";
import { natsHandOver } from "../../../dispatch/nats/hand-over.ts";
import { sealJob, type Sealed } from "../../../dispatch/nats/protocol.ts";
import { signatureOf } from "../../../dispatch/nats/signature.ts";
import { signatureHeader, subjects } from "../../../dispatch/nats/subjects.ts";
import { until } from "../../host/until.ts";
import { brokerOf, jobFor, keyOf, makeFleet, memoryWorker, optionsOf } from "./fleet.ts";
import { useFleet } from "./use-fleet.ts";

const [a, b, c] = ["a.example.com", "b.example.com", "c.example.com"] as const;

describe("dispatch/nats: jobs, and what goes wrong with them", function () {
  this.timeout(30_000);
  const { server, fleet, provide, gateway, hostOf, kept } = useFleet([a, b, c], [a, b]);

  it("come to a host that waited while the broker was killed", async () => {
    await provide();
    const { handOver, broker, told } = await gateway();
    const one = memoryWorker(a);
    const { changes } = await hostOf(a, one.worker);
    await handOver.offer(jobFor(a));
    await until("the first is acknowledged", () => told.length === 1);
    await sleep(200);
    await server().end("SIGKILL");
    await server().start();
    await until("both are connected again", () => broker.isConnected() && changes.length === 3, 10_000);
    const second = jobFor(a);
    await handOver.offer(second);
    await until("the second has come", () => one.jobs.has(second.id));
    assert.deepEqual(changes, [
      "connected to the broker",
      "the connection to the broker is lost",
      "connected to the broker",
    ]);
  });

  it("that a worker could not keep come again, and at last are dead letters that the gateway hears of", async () => {
    await provide();
    const { handOver, letters } = await gateway();
    let tries = 0;
    const broken = memoryWorker(a);
    const { troubles } = await hostOf(a, {
      ...broken.worker,
      offer: async () => {
        tries++;
        throw new Error("the disk is full");
      },
    });
    const job = jobFor(a);
    await handOver.offer(job);
    await until("it is a dead letter", () => letters.length > 0, 15_000);
    assert.deepEqual(letters, [{ why: "undelivered", key: keyOf(a), job }]);
    assert.equal(tries, 3);
    assert.equal(troubles.filter((one) => one.includes("the disk is full")).length, 3);
  });

  it("that a worker could keep at the second try come to one end", async () => {
    await provide();
    const { handOver, letters, told } = await gateway();
    const one = memoryWorker(a);
    let tries = 0;
    await hostOf(a, {
      ...one.worker,
      offer: async (job: Job) => {
        if (++tries === 1) throw new Error("not now");
        return one.worker.offer(job);
      },
    });
    const job = jobFor(a);
    await handOver.offer(job);
    await until("it is taken", () => told.some(({ id, state }) => id === job.id && state === "taken"));
    assert.equal(tries, 2);
    assert.deepEqual(letters, []);
  });

  it("that a host took and could not acknowledge come again, and are not done twice", async () => {
    await provide({ ackWaitMs: 1000 });
    const { handOver, told } = await gateway();
    const one = memoryWorker(a);
    let killed: Promise<void> | undefined;
    // The broker dies after the job is in the journal, and before it hears so.
    await hostOf(a, {
      ...one.worker,
      offer: async (job: Job) => {
        const receipt = await one.worker.offer(job);
        killed ??= server().end("SIGKILL");
        await killed;
        return receipt;
      },
    });
    const job = jobFor(a);
    await handOver.offer(job);
    await until("the broker is dead", () => killed !== undefined);
    await killed;
    await server().start();
    await until("it has come again", () => one.offered.length >= 2, 20_000);
    await until("it is told of", () => told.some(({ id }) => id === job.id), 10_000);
    assert.equal(one.jobs.size, 1);
  });

  it("that the gateway has not signed, or not for this host and this time, are turned away for good and told", async () => {
    await provide();
    const { letters, told, broker } = await gateway();
    const one = memoryWorker(a);
    await hostOf(a, one.worker);
    const client = jetstream(await broker.ready);
    const job = jobFor(a);
    const stranger = makeFleet([]);
    const withMore = JSON.stringify({ v: 1, key: keyOf(a), job: { ...job, command: "reboot" } });
    const old = jobFor(a, { at: Date.now() - 700_000 });
    const bad: readonly Sealed[] = [
      { ...sealJob(job, fleet.signingKey), signature: "" },
      sealJob(job, stranger.signingKey),
      { body: withMore, signature: signatureOf(withMore, fleet.signingKey) },
      sealJob(jobFor(b), fleet.signingKey),
      sealJob(old, fleet.signingKey),
      sealJob(jobFor(a, { at: Date.now() + 300_000 }), fleet.signingKey),
    ];
    for (const { body, signature } of bad) {
      const made = headers();
      made.set(signatureHeader, signature);
      await client.publish(subjects.job(keyOf(a)), body, { headers: made });
    }
    await until("each is a dead letter", () => letters.length === bad.length);
    await until("each is told", () => told.length === bad.length);
    assert.deepEqual(
      told.map(({ message }) => message.replace(/\d+ s/u, "N s")),
      [
        "it is not signed",
        "the gateway has not signed it",
        "it is none of the orders that this version knows",
        "it is for another host",
        "its time was over N s ago",
        "it is N s in the future: are the clocks right?",
      ],
    );
    assert.ok(letters.every(({ why, key }) => why === "turned-away" && key === keyOf(a)));
    assert.equal(told[4]?.id, old.id);
    assert.deepEqual(one.offered, []);
  });

  it("are not said to be taken back while one is on its way", async () => {
    await provide();
    const { handOver } = await gateway(2000);
    const one = memoryWorker(a);
    let isWell = false;
    await hostOf(
      a,
      {
        ...one.worker,
        offer: async (job: Job) => {
          if (!isWell) throw new Error("not now");
          return one.worker.offer(job);
        },
      },
      500,
    );
    await handOver.offer(jobFor(a));
    const withdrawal = { v: 1, trace: "0".repeat(32), host: a, monitor: "1", cycle: "c" } as const;
    await assert.rejects(handOver.withdraw(withdrawal), /still on its way/u);
    isWell = true;
    await until("it has come", () => one.jobs.size === 1);
    assert.equal((await handOver.withdraw(withdrawal)).answer, "withdrawn");
  });

  it("are not handed over while the broker is away, or hangs; and the caller is told in time", async () => {
    await provide();
    const { handOver, broker } = await gateway(500);
    await server().hang();
    const begun = performance.now();
    const job = jobFor(a);
    await assert.rejects(handOver.offer(job), NotHandedOver);
    assert.ok(performance.now() - begun < 3000, "within its time");
    server().signal("SIGCONT");
    await until("it may be offered again", () => broker.isConnected());
    await sleep(200);
    assert.match((await handOver.offer(job)).answer, /^(?:accepted|duplicate)$/u);
    await server().end("SIGKILL");
    await until("the connection is lost", () => !broker.isConnected());
    await assert.rejects(handOver.offer(jobFor(a)), (error: Error) => {
      assert.ok(error instanceof NotHandedOver);
      assert.match(String(error.cause), /no connection to the broker/u);
      return true;
    });
  });

  it("are not handed over where the broker never was; one that comes later is found", async () => {
    await provide();
    await server().end("SIGKILL");
    const { broker, changes } = await brokerOf(server().url, fleet.seeds.gateway, "gateway");
    const handOver = kept(natsHandOver({ broker, signingKey: fleet.signingKey }));
    await assert.rejects(handOver.offer(jobFor(a)), NotHandedOver);
    await until("it is told", () => changes.length > 0);
    await sleep(1500);
    assert.equal(changes.length, 1, `told once: ${changes.join()}`);
    await server().start();
    await until("it is found", broker.isConnected, 10_000);
    assert.equal((await handOver.offer(jobFor(a))).answer, "accepted");
  });

  it("that no host takes are told in time, once, also by a gateway that was started after", async () => {
    await provide();
    const first = await gateway();
    const [job, taken] = [jobFor(a), jobFor(b)];
    const one = memoryWorker(b);
    await hostOf(b, one.worker);
    await first.handOver.offer(job);
    await first.handOver.offer(taken);
    await until("b has taken its own", () => first.told.length === 1);
    await first.handOver.close();
    const second = await gateway(3000, 500);
    await until("it is told", () => second.letters.length > 0);
    await sleep(700);
    assert.deepEqual(second.letters, [{ why: "not-taken", key: keyOf(a), job }]);
    assert.deepEqual([first.troubles, second.troubles], [[], []]);
  });

  it("are taken back by the word of the host that was asked, and of no other that knows the question", async () => {
    await provide();
    const { handOver } = await gateway(1000);
    const [asked, liar] = await Promise.all(
      [b, a].map(async (host) => kept(await connectOnce(optionsOf(server().url, fleet.seeds.of(host), keyOf(host))))),
    );
    assert.ok(asked && liar);
    asked.subscribe(subjects.ask(keyOf(b)), {
      callback: (_, message) => {
        const { ask } = z.object({ ask: z.string() }).parse(message.json());
        const answer = { v: 1, ask, answer: "withdrawn", trace: "0".repeat(32) };
        liar.publish(subjects.answer(keyOf(a)), JSON.stringify(answer));
      },
    });
    await asked.flush();
    const withdrawal = { v: 1, trace: "0".repeat(32), host: b, monitor: "1", cycle: "c" } as const;
    await assert.rejects(handOver.withdraw(withdrawal), /withdrawal could not be handed/u);
  });

  it("what a host says of itself that is not so, or that nobody understands, is left out", async () => {
    await provide();
    const { fleet: watched, troubles } = await gateway();
    const liar = await connectOnce(optionsOf(server().url, fleet.seeds.of(a), keyOf(a)));
    kept(liar);
    const say = (what: unknown) => liar.publish(subjects.presence(keyOf(a)), JSON.stringify(what));
    const presence = { v: 1, host: a, version: "1", mode: "auto", inForce: "approve", paused: false };
    say({ ...presence, host: b });
    say({ ...presence, paused: "x" });
    say({ ...presence, mode: "root" });
    liar.publish(subjects.told(keyOf(a)), "{");
    liar.publish(subjects.answer(keyOf(a)), "\u0000");
    await liar.flush();
    await until("all but the answer, which nobody waits for, are told", () => troubles.length === 4);
    assert.equal(watched.seen.size, 0);
    say(presence);
    await until("the truth is heard", () => watched.seen.get(keyOf(a))?.mode === "auto");
  });
});
