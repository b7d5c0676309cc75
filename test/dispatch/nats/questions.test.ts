import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { headers } from "@nats-io/transport-node";
import { connectOnce } from "../../../dispatch/nats/connection.ts";
import { sealQuestion, type Sealed } from "../../../dispatch/nats/protocol.ts";
import { serverConfig } from "../../../dispatch/nats/server-config.ts";
import { signatureHeader, stream, subjects } from "../../../dispatch/nats/subjects.ts";
import { bundleOf } from "../../../overlay/explain/bundle.ts";
import { until } from "../../host/until.ts";
import { keyOf, makeFleet, manyRows, memoryWorker, optionsOf, statusOf, tablesOf } from "./fleet.ts";
import { useFleet } from "./use-fleet.ts";

const [a, b, c] = ["a.example.com", "b.example.com", "c.example.com"] as const;
const patience = () => AbortSignal.timeout(10_000);
const at = "2026-01-01T00:00:00.000Z";

describe("dispatch/nats: questions", function () {
  this.timeout(30_000);
  const { server, fleet, provide, asker, hostOf, kept } = useFleet([a, b, c], [b, a]);

  it("go to the hosts that have a place at the broker, by their names, and each answers", async () => {
    await provide();
    const asking = await asker();
    await Promise.all([a, b].map(async (host) => hostOf(host, memoryWorker(host).worker)));
    assert.deepEqual(await asking.hosts(), [a, b]);
    assert.deepEqual(
      await asking.status([b, a], patience()),
      [b, a].map((host) => ({ host, answer: statusOf(host) })),
    );
    assert.deepEqual(await asking.tables([a], patience()), [{ host: a, answer: tablesOf(a) }]);
  });

  it("of which one is for a host that is away: that is known at once, and the others' answers are there", async () => {
    await provide();
    const asking = await asker(9000);
    await hostOf(a, memoryWorker(a).worker);
    const begun = performance.now();
    assert.deepEqual(await asking.status([b, a, c], patience()), [
      { host: b, trouble: "it is not connected to the broker" },
      { host: a, answer: statusOf(a) },
      { host: c, trouble: "it is not connected to the broker" },
    ]);
    assert.ok(performance.now() - begun < 4000);
  });

  it("that a host can not answer are answered with why", async () => {
    await provide();
    const asking = await asker();
    const { troubles } = await hostOf(a, memoryWorker(a).worker, 100, {
      tables: async () => Promise.reject(new Error("Docker does not answer")),
    });
    assert.deepEqual(await asking.tables([a], patience()), [{ host: a, trouble: "it says: Docker does not answer" }]);
    assert.ok(troubles.some((one) => one.includes("`tables` can not be answered: Docker does not answer")));
  });

  it("pause and resume come with what was said, and when", async () => {
    await provide();
    const asking = await asker();
    const told: unknown[] = [];
    await hostOf(a, memoryWorker(a).worker, 100, {
      pause: async ({ at: when, ...pause }) => {
        told.push(pause);
        assert.ok(Math.abs(Date.now() - when) < 5000);
        return { paused: ["a storm"] };
      },
      resume: async () => ({ paused: [] }),
    });
    const pause = { until: 5, reason: "storm" };
    assert.deepEqual(await asking.pause([a], pause, patience()), [{ host: a, answer: { paused: ["a storm"] } }]);
    assert.deepEqual(await asking.resume([a], patience()), [{ host: a, answer: { paused: [] } }]);
    assert.deepEqual(told, [pause]);
  });

  it("are waited for as long as was said, or until nobody waits; an answer that comes later is nobody's", async () => {
    await provide();
    const asking = await asker(1000);
    let [answered, late] = [0, 2000];
    await hostOf(a, memoryWorker(a).worker, 100, {
      status: async () => {
        await sleep(late);
        answered++;
        return statusOf(a);
      },
    });
    await hostOf(b, memoryWorker(b).worker);
    const [first, second] = await asking.status([a, b], patience());
    assert.match(first !== undefined && "trouble" in first ? first.trouble : "", /not answered within [\d.]+ s/u);
    assert.deepEqual(second, { host: b, answer: statusOf(b) });
    const begun = performance.now();
    const [given] = await asking.status([a], AbortSignal.timeout(100));
    assert.match(given !== undefined && "trouble" in given ? given.trouble : "", /not answered within [\d.]+ s/u);
    assert.ok(performance.now() - begun < 900, "no longer than anybody waits");
    await until("both late answers are sent", () => answered === 2);
    late = 0;
    assert.deepEqual(await asking.status([a], patience()), [{ host: a, answer: statusOf(a) }]);
  });

  it("are at an end for all where the broker is lost", async () => {
    await provide();
    const asking = await asker(9000);
    await hostOf(a, memoryWorker(a).worker, 100, { status: async () => sleep(5000, statusOf(a)) });
    const asked = assert.rejects(asking.status([a, b], patience()), /the connection to the broker is lost/u);
    await sleep(200);
    await server().end("SIGKILL");
    await asked;
    await assert.rejects(asking.hosts());
  });

  it("of more than so many at once to one host are told that it does not answer all", async () => {
    await provide();
    const asking = await asker();
    await hostOf(a, memoryWorker(a).worker, 100, { status: async () => sleep(1500, statusOf(a)) });
    const replies = await asking.status(
      Array.from({ length: 20 }, () => a),
      patience(),
    );
    assert.equal(replies.filter((one) => "answer" in one).length, 8);
    assert.ok(replies.every((one) => "answer" in one || one.trouble.includes("so many questions")));
  });

  it("are crowded out by no others where they pause or resume", async () => {
    await provide();
    const asking = await asker(9000);
    await hostOf(a, memoryWorker(a).worker, 100, { status: async () => sleep(1500, statusOf(a)) });
    const crowd = asking.status(
      Array.from({ length: 8 }, () => a),
      patience(),
    );
    const told = { host: a, answer: { paused: [] } };
    assert.deepEqual(await asking.pause([a], { until: 5, reason: "storm" }, patience()), [told]);
    assert.deepEqual(await asking.resume([a], patience()), [told]);
    assert.ok((await crowd).every((one) => "answer" in one));
  });

  it("to pause and resume are answered two of each at once", async () => {
    await provide();
    const asking = await asker(9000);
    let begun = 0;
    await hostOf(a, memoryWorker(a).worker, 100, {
      pause: async () => {
        begun++;
        return sleep(1000, { paused: [] });
      },
    });
    const replies = await asking.pause([a, a, a], { until: 5, reason: "storm" }, patience());
    assert.equal(begun, 2);
    assert.equal(replies.filter((one) => "answer" in one).length, 2);
  });

  it("are answered where somebody gave a long reason on the host, and many", async () => {
    await provide();
    const asking = await asker();
    const stops = Array.from({ length: 150 }, () => "r".repeat(9000));
    const long = { ...statusOf(a), paused: ["r".repeat(9000)] };
    await hostOf(a, memoryWorker(a).worker, 100, { status: async () => long, pause: async () => ({ paused: stops }) });
    const [status] = await asking.status([a], patience());
    assert.ok(status !== undefined && "answer" in status, JSON.stringify(status));
    assert.deepEqual(
      status.answer.paused?.map(({ length }) => length),
      [2000],
    );
    const [paused] = await asking.pause([a], { until: 5, reason: "storm" }, patience());
    assert.ok(paused !== undefined && "answer" in paused, JSON.stringify(paused));
    assert.equal(paused.answer.paused.length, 100);
    assert.ok(paused.answer.paused.every(({ length }) => length === 2000));
  });

  it("come to a fleet that an older version provisioned: it is said what to do", async () => {
    await provide();
    const admin = await connectOnce(optionsOf(server().url, fleet.seeds.admin, "admin"));
    kept({ close: async () => admin.close() });
    const config = { stream_name: stream, config: consumerOf(keyOf(a)) };
    await admin.request(`$JS.API.CONSUMER.DURABLE.CREATE.${stream}.${keyOf(a)}`, JSON.stringify(config));
    const asking = await asker();
    await assert.rejects(
      asking.hosts(),
      /does not know the name of host [0-9a-f]{20}: run `overlaywatch fleet provision`/u,
    );
    await provide();
    assert.deepEqual(await asking.hosts(), [a, b]);
  });

  it("are not answered by a broker whose fleet.conf is of an older version, which says so soon", async () => {
    await provide();
    const older = serverConfig(fleet.registry).replace(`"$JS.API.CONSUMER.LIST.${stream}", `, "");
    assert.notEqual(older, serverConfig(fleet.registry));
    await server().reload(older);
    const asking = await asker();
    const begun = performance.now();
    await assert.rejects(asking.hosts(), /Permissions Violation for Publish to "\$JS\.API\.CONSUMER\.LIST/u);
    assert.ok(performance.now() - begun < 2500);
  });

  /** As `sealQuestion` made it, put where this host listens. */
  async function put(to: string, { body, signature }: Sealed): Promise<void> {
    const connection = await connectOnce(optionsOf(server().url, fleet.seeds.gateway, "gateway"));
    const made = headers();
    made.set(signatureHeader, signature);
    connection.publish(subjects.ask(keyOf(to)), body, { headers: made });
    await connection.flush();
    await connection.close();
  }

  const sealed = (host: string, { ask = "0".repeat(32), when = Date.now(), signingKey = fleet.signingKey } = {}) =>
    sealQuestion({ host, ask, at: when, within: 1000, question: { kind: "status" } }, signingKey);

  it("that are not signed, not by this gateway, for another host, old, or asked before are not answered", async () => {
    await provide();
    let answered = 0;
    const { troubles } = await hostOf(a, memoryWorker(a).worker, 100, {
      status: async () => {
        answered++;
        return statusOf(a);
      },
    });
    const good = sealed(a);
    await put(a, good);
    await until("it is answered", () => answered === 1);
    const bad: readonly Sealed[] = [
      good,
      { ...good, body: `${good.body} ` },
      { ...sealed(a), signature: "" },
      sealed(a, { ask: "1".repeat(32), signingKey: makeFleet([]).signingKey }),
      sealed(b, { ask: "2".repeat(32) }),
      sealed(a, { ask: "3".repeat(32), when: Date.now() - 130_000 }),
      sealed(a, { ask: "4".repeat(32), when: Date.now() + 130_000 }),
      // Another question under the id of one that was answered.
      sealed(a, { when: Date.now() + 1 }),
    ];
    for (const one of bad) await put(a, one);
    await until("all are refused", () => troubles.length === bad.length);
    assert.deepEqual(
      troubles.map((one) => one.replace(/^what the broker asks is not answered: /u, "").replace(/\d+ s/u, "N s")),
      [
        "it was asked before",
        "the gateway has not signed it",
        "it is not signed",
        "the gateway has not signed it",
        "it is for another host",
        "its time was over N s ago",
        "it is N s in the future: are the clocks right?",
        "it was asked before",
      ],
    );
    assert.equal(answered, 1);
  });

  it("tables that are no bundle, or of another version, are told as that", async () => {
    await provide();
    const asking = await asker();
    for (const [bundle, trouble] of [
      [{ tables: tablesOf(a) }, /no bundle/u],
      [{ ...bundleOf(tablesOf(a), at), version: 2 }, /a bundle of version 2, and this program reads 1/u],
      [bundleOf({ ...tablesOf(a), advertised: "x" }, at), /tables\.advertised/u],
    ] as const) {
      const { source } = await hostOf(a, memoryWorker(a).worker, 100, {
        tables: async () => gzipSync(JSON.stringify(bundle)),
      });
      const [first] = await asking.tables([a], patience());
      assert.match(first !== undefined && "trouble" in first ? first.trouble : "", trouble);
      await source.close();
    }
  });

  it("tables of many rows come whole, in pieces that the broker takes", async () => {
    await provide();
    const asking = await asker(10_000);
    const tables = { ...tablesOf(a), networks: [manyRows(30_000)] };
    const pack = gzipSync(JSON.stringify(bundleOf(tables, at)), { level: 0 });
    assert.ok(pack.length > 40 * 64 * 1024, "the broker of this test takes 64 KB at once");
    await hostOf(a, memoryWorker(a).worker, 100, { tables: async () => pack });
    assert.deepEqual(await asking.tables([a], patience()), [{ host: a, answer: tables }]);
  });
});

/** What `provision` makes, as the API has it. */
const consumerOf = (key: string) => ({
  durable_name: key,
  filter_subject: subjects.job(key),
  deliver_policy: "all",
  ack_policy: "explicit",
  ack_wait: 15_000_000_000,
  max_deliver: 3,
  max_ack_pending: 1,
});
