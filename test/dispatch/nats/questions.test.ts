import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { headers, MsgHdrsImpl, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { connectOnce } from "../../../dispatch/nats/connection.ts";
import { headerOf, mostPacked, type Piece } from "../../../dispatch/nats/pieces.ts";
import { jsonOf, sealQuestion, type Sealed } from "../../../dispatch/nats/protocol.ts";
import { answerHeader, signatureHeader, stream, subjects } from "../../../dispatch/nats/subjects.ts";
import { bundleOf } from "../../../overlay/explain/bundle.ts";
import { until } from "../../host/until.ts";
import { keyOf, makeFleet, memoryWorker, optionsOf, statusOf, tablesOf } from "./fleet.ts";
import { useFleet } from "./use-fleet.ts";

const [a, b, c] = ["a.example.com", "b.example.com", "c.example.com"] as const;
const patience = () => AbortSignal.timeout(10_000);
const at = "2026-01-01T00:00:00.000Z";

describe("dispatch/nats: questions", function () {
  this.timeout(30_000);
  const { server, fleet, provide, asker, hostOf, gateway, kept } = useFleet([a, b, c], [b, a]);

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

  it("that a host can not answer are answered with why; what it does not do is said too", async () => {
    await provide();
    const asking = await asker();
    const { troubles } = await hostOf(a, memoryWorker(a).worker, 100, {
      tables: async () => Promise.reject(new Error("Docker does not answer")),
    });
    assert.deepEqual(await asking.tables([a], patience()), [{ host: a, trouble: "it says: Docker does not answer" }]);
    assert.deepEqual(await asking.resume([a], patience()), [
      { host: a, trouble: "it says: this version does not do that" },
    ]);
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
    const asking = await asker(500);
    let [answered, late] = [0, 1500];
    await hostOf(a, memoryWorker(a).worker, 100, {
      status: async () => {
        await sleep(late);
        answered++;
        return statusOf(a);
      },
    });
    await hostOf(b, memoryWorker(b).worker);
    assert.deepEqual(await asking.status([a, b], patience()), [
      { host: a, trouble: "it has not answered within 0.5 s" },
      { host: b, answer: statusOf(b) },
    ]);
    const [given] = await asking.status([a], AbortSignal.timeout(200));
    assert.match(given !== undefined && "trouble" in given ? given.trouble : "", /not answered within 0\.2 s/u);
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
    await hostOf(a, memoryWorker(a).worker, 100, { status: async () => sleep(300, statusOf(a)) });
    const replies = await asking.status(
      Array.from({ length: 20 }, () => a),
      patience(),
    );
    assert.equal(replies.filter((one) => "answer" in one).length, 8);
    assert.ok(replies.every((one) => "answer" in one || one.trouble.includes("so many questions")));
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

  /** A host that answers what it likes, with its own credentials. */
  async function liar(host: string, answer: (say: Say, ask: string) => void): Promise<void> {
    const connection = await connectOnce(optionsOf(server().url, fleet.seeds.of(host), keyOf(host)));
    kept({ close: async () => connection.close() });
    connection.subscribe(subjects.ask(keyOf(host)), {
      callback: (_, message) => answer(saying(connection, keyOf(host)), askIn(message)),
    });
    await connection.flush();
  }

  const whole = (ask: string): Piece => ({ ask, at: 1, of: 1, isTrouble: false });
  const packed = (what: unknown) => gzipSync(JSON.stringify(what));
  const noise = Buffer.alloc(60_000, "x");

  const lies: Readonly<Record<string, readonly [answer: (say: Say, ask: string) => void, trouble: RegExp]>> = {
    garbage: [(say, ask) => say(headerOf(whole(ask)), "garbage"), /not understood: it can not be unpacked/u],
    "half of a packet": [
      (say, ask) => say(headerOf(whole(ask)), packed(statusOf(a)).subarray(0, 40)),
      /not understood: it can not be unpacked/u,
    ],
    "no JSON": [(say, ask) => say(headerOf(whole(ask)), gzipSync("{")), /not understood: it can not be unpacked/u],
    "another's status": [
      (say, ask) => say(headerOf(whole(ask)), packed(statusOf(b))),
      /not understood: it calls itself "b\.example\.com"/u,
    ],
    "a field more": [
      (say, ask) => say(headerOf(whole(ask)), packed({ ...statusOf(a), more: 1 })),
      /not understood: : Unrecognized key: "more"/u,
    ],
    "tables in place of a status": [
      (say, ask) => say(headerOf(whole(ask)), packed(bundleOf(tablesOf(a), at))),
      /not understood/u,
    ],
    "a sentence without end": [
      (say, ask) => say(headerOf({ ...whole(ask), isTrouble: true }), packed("x".repeat(2001))),
      /not understood/u,
    ],
    "a bomb": [
      (say, ask) => {
        const bomb = gzipSync(Buffer.alloc(65 * 2 ** 20));
        for (const [piece, bytes] of [bomb.subarray(0, 50_000), bomb.subarray(50_000)].entries())
          say(headerOf({ ...whole(ask), at: piece + 1, of: 2 }), bytes);
      },
      /not understood: unpacked, it has more than 67108864 bytes/u,
    ],
    "too much": [
      (say, ask) => {
        const of = Math.ceil(mostPacked / noise.length) + 10;
        for (let piece = 1; piece <= of; piece++) say(headerOf({ ...whole(ask), at: piece, of }), noise);
      },
      /not understood: it has more than 8388608 bytes/u,
    ],
    "a piece twice": [
      (say, ask) => {
        for (const piece of [1, 1]) say(headerOf({ ...whole(ask), at: piece, of: 3 }), "x");
      },
      /not understood: its pieces do not fit together/u,
    ],
    "a piece of no piece": [
      (say, ask) => say(headerOf({ ...whole(ask), at: 0, of: 0 }), "x"),
      /not understood: its pieces do not fit together/u,
    ],
    "never all pieces": [(say, ask) => say(headerOf({ ...whole(ask), of: 2 }), "x"), /not answered within 0\.\d s/u],
    "headers that are none": [
      (say, ask) => {
        for (const header of [`${ask} 1/1`, `${ask} 1/1  answer`, `${ask} -1/1 answer`, "", "\u00e4"])
          say(header, packed(statusOf(a)));
      },
      /not answered within 0\.\d s/u,
    ],
    "under another question's id": [
      (say, ask) =>
        say(headerOf(whole(ask.replace(/^./u, (first) => (first === "0" ? "1" : "0")))), packed(statusOf(a))),
      /not answered within 0\.\d s/u,
    ],
  };

  for (const [name, [answer, trouble]] of Object.entries(lies))
    it(`a host that answers ${name} is one that has not answered, and the other's answer is there`, async () => {
      await provide();
      const asking = await asker(name === "a bomb" || name === "too much" ? 5000 : 900);
      await liar(a, answer);
      await hostOf(b, memoryWorker(b).worker);
      const [first, second] = await asking.status([a, b], patience());
      assert.match(first !== undefined && "trouble" in first ? first.trouble : "an answer", trouble);
      assert.deepEqual(second, { host: b, answer: statusOf(b) });
    });

  it("a host that knows the id of another's question can not answer it", async () => {
    await provide();
    const asking = await asker(900);
    const thief = await connectOnce(optionsOf(server().url, fleet.seeds.of(b), keyOf(b)));
    kept({ close: async () => thief.close() });
    // The question leaks to B, which is quicker than A.
    await liar(a, (_, ask) => {
      saying(thief, keyOf(b))(headerOf(whole(ask)), packed(statusOf(a)));
    });
    const [first] = await asking.status([a], patience());
    assert.match(first !== undefined && "trouble" in first ? first.trouble : "", /not answered within/u);
  });

  it("tables that are no bundle, or of another version, are told as that", async () => {
    await provide();
    const asking = await asker();
    for (const [bundle, trouble] of [
      [{ tables: tablesOf(a) }, /no bundle/u],
      [{ ...bundleOf(tablesOf(a), at), version: 2 }, /a bundle of version 2, and this program reads 1/u],
      [bundleOf({ ...tablesOf(a), advertised: "x" }, at), /tables\.advertised/u],
    ] as const) {
      const { source } = await hostOf(a, memoryWorker(a).worker, 100, { tables: async () => packed(bundle) });
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

  it("a host whose headers nobody can read takes nobody's ears", async () => {
    await provide();
    const [asking, { fleet: watched, told }] = [await asker(), await gateway()];
    const liars = await connectOnce(optionsOf(server().url, fleet.seeds.of(a), keyOf(a)));
    kept({ close: async () => liars.close() });
    const made = headers();
    made.set("x", "y");
    assert.ok(made instanceof MsgHdrsImpl);
    made.headers.set("no name at all", ["z"]);
    for (const subject of [subjects.answer, subjects.told, subjects.presence])
      liars.publish(subject(keyOf(a)), "x", { headers: made });
    await liars.flush();
    await hostOf(b, memoryWorker(b).worker);
    assert.deepEqual(await asking.status([b], patience()), [{ host: b, answer: statusOf(b) }]);
    await until("the gateway hears the other", () => watched.seen.has(keyOf(b)));
    assert.deepEqual(told, []);
  });

  it("whatever a host floods its gateway with is dropped beyond some, said once, and others are heard", async () => {
    await provide();
    const { told, troubles, fleet: watched } = await gateway();
    const flood = await connectOnce(optionsOf(server().url, fleet.seeds.of(a), keyOf(a)));
    kept({ close: async () => flood.close() });
    const word = { v: 1, id: "x", trace: "y", state: "healed", message: "z", at: 0 };
    for (let sent = 0; sent < 20_000; sent++) flood.publish(subjects.told(keyOf(a)), JSON.stringify(word));
    for (let sent = 0; sent < 20_000; sent++) flood.publish(subjects.presence(keyOf(a)), "garbage");
    await flood.flush();
    await hostOf(b, memoryWorker(b).worker);
    await until("the other is heard", () => watched.seen.has(keyOf(b)), 10_000);
    assert.ok(told.length >= 100 && told.length < 300, `${told.length} were told`);
    assert.deepEqual(
      troubles.filter((one) => one.startsWith("host")),
      [`host ${keyOf(a)} sends more than 10 messages a second: the rest is dropped`],
    );
    assert.ok(troubles.length < 150, `${troubles.length} troubles`);
  });
});

type Say = (header: string, data: Uint8Array | string) => void;

const saying =
  (connection: NatsConnection, key: string): Say =>
  (header, data) => {
    const made = headers();
    if (header !== "") made.set(answerHeader, header);
    connection.publish(subjects.answer(key), data, { headers: made });
  };

function askIn(message: Msg): string {
  const order = jsonOf(message.data);
  return typeof order === "object" && order !== null && "ask" in order ? String(order.ask) : "";
}

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

function manyRows(count: number) {
  const fdb = Array.from({ length: count }, (_, row) => {
    const mac = `02:42:0a:00:${(row >> 8).toString(16).padStart(2, "0")}:${(row & 255).toString(16).padStart(2, "0")}`;
    return { mac, ifname: "vxlan0", dst: "192.0.2.2", flags: ["self"], state: "permanent" };
  });
  const space = { netns: "/var/run/docker/netns/1-0123456789", links: [], fdb, neighbours: [], mtus: [], sampled: [] };
  const network = { id: "0123456789ab", name: "many", driver: "classic", encrypted: false, members: [] } as const;
  return { ...network, space, told: null };
}
