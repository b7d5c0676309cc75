import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { headers, MsgHdrsImpl, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { connectOnce } from "../../../dispatch/nats/connection.ts";
import { headerOf, type Piece } from "../../../dispatch/nats/pieces.ts";
import { jsonOf } from "../../../dispatch/nats/protocol.ts";
import { answerHeader, subjects } from "../../../dispatch/nats/subjects.ts";
import { bundleOf } from "../../../overlay/explain/bundle.ts";
import { until } from "../../host/until.ts";
import { keyOf, memoryWorker, optionsOf, statusOf, tablesOf } from "./fleet.ts";
import { useFleet } from "./use-fleet.ts";

const [a, b] = ["a.example.com", "b.example.com"] as const;
const patience = () => AbortSignal.timeout(10_000);
const at = "2026-01-01T00:00:00.000Z";

const whole = (ask: string): Piece => ({ ask, at: 1, of: 1, isTrouble: false });
const packed = (what: unknown) => gzipSync(JSON.stringify(what));
const noise = Buffer.alloc(60_000, "x");

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

describe("dispatch/nats: hosts that answer what they like", function () {
  this.timeout(30_000);
  const { server, fleet, provide, asker, hostOf, gateway, kept } = useFleet([a, b], [b, a]);

  /** A host that answers what it likes, with its own credentials. */
  async function liar(host: string, answer: (say: Say, ask: string) => void): Promise<NatsConnection> {
    const connection = await connectOnce(optionsOf(server().url, fleet.seeds.of(host), keyOf(host)));
    kept({ close: async () => connection.close() });
    connection.subscribe(subjects.ask(keyOf(host)), {
      callback: (_, message) => answer(saying(connection, keyOf(host)), askIn(message)),
    });
    await connection.flush();
    return connection;
  }

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
        const bomb = gzipSync(Buffer.alloc(33 * 2 ** 20));
        for (const [piece, bytes] of [bomb.subarray(0, 20_000), bomb.subarray(20_000)].entries())
          say(headerOf({ ...whole(ask), at: piece + 1, of: 2 }), bytes);
      },
      /not understood: unpacked, it has more than 262144 bytes/u,
    ],
    "a bomb of many values": [
      (say, ask) => say(headerOf(whole(ask)), gzipSync(`[{}${",{}".repeat(80_000)}]`)),
      /not understood: it has more than 10000 values/u,
    ],
    "with fields without end": [
      (say, ask) => say(headerOf(whole(ask)), packed({ ...statusOf(a), ["m".repeat(200_000)]: 1 })),
      /not understood: : Unrecognized key: "m{180}\S{0,30}$/u,
    ],
    "too much": [
      (say, ask) => {
        for (const piece of [1, 2]) say(headerOf({ ...whole(ask), at: piece, of: 2 }), noise);
      },
      /not understood: it has more than 65536 bytes/u,
    ],
    "more pieces than it can have": [
      (say, ask) => say(headerOf({ ...whole(ask), of: 65 }), "x"),
      /not understood: it has more than 64 pieces/u,
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
    "never all pieces": [(say, ask) => say(headerOf({ ...whole(ask), of: 2 }), "x"), /not answered within [\d.]+ s/u],
    "headers that are none": [
      (say, ask) => {
        for (const header of [`${ask} 1/1`, `${ask} 1/1  answer`, `${ask} -1/1 answer`, "", "\u00e4"])
          say(header, packed(statusOf(a)));
      },
      /not answered within [\d.]+ s/u,
    ],
    "under another question's id": [
      (say, ask) =>
        say(headerOf(whole(ask.replace(/^./u, (first) => (first === "0" ? "1" : "0")))), packed(statusOf(a))),
      /not answered within [\d.]+ s/u,
    ],
  };

  for (const [name, [answer, trouble]] of Object.entries(lies))
    it(`a host that answers ${name} is one that has not answered, and the other's answer is there`, async () => {
      await provide();
      const asking = await asker(trouble.source.startsWith("not answered") ? 1500 : 5000);
      await liar(a, answer);
      await hostOf(b, memoryWorker(b).worker);
      const [first, second] = await asking.status([a, b], patience());
      assert.match(first !== undefined && "trouble" in first ? first.trouble : "an answer", trouble);
      assert.deepEqual(second, { host: b, answer: statusOf(b) });
    });

  const tableLies: readonly (readonly [bundle: string, trouble: RegExp])[] = [
    [`[{}${",{}".repeat(11_000_000)}]`, /not understood: it has more than 3000000 values$/u],
    [
      `{"tables":{"networks":[{}${",{}".repeat(1_400_000)}]}}`,
      /not understood: (?:tables\.host: |it holds more of one thing)/u,
    ],
    [
      `{"version":"${"2".repeat(1_000_000)}"}`,
      /a bundle of version (?:unknown|"2{0,300}"?), and this program reads 1$/u,
    ],
    [`{"${"k".repeat(1_000_000)}":1}`, /not understood: : Unrecognized key: "k{100,300}\S{0,30}$/u],
    [
      `{"version":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
      /a bundle of version unknown, and this program reads 1$|it holds more of one thing/u,
    ],
  ];

  for (const [lie, trouble] of tableLies)
    it(`tables that would be harm to read are not read: ${trouble.source}`, async () => {
      await provide();
      const asking = await asker(9000);
      const bundle = JSON.stringify(bundleOf(tablesOf(a), at));
      const text = lie.startsWith("{") ? `${bundle.slice(0, -1)},${lie.slice(1)}` : lie;
      await liar(a, (say, ask) => say(headerOf(whole(ask)), gzipSync(text)));
      const before = process.memoryUsage().rss;
      const [first] = await asking.tables([a], patience());
      const more = (process.memoryUsage().rss - before) / 2 ** 20;
      assert.match(first !== undefined && "trouble" in first ? first.trouble : "an answer", trouble);
      assert.ok(more < 500, `${more} MB`);
    });

  it("what a host answers to a pause, below the broker's limit, is no harm to its gateway", async () => {
    await provide();
    const asking = await asker(9000);
    const bomb = gzipSync(`[{}${",{}".repeat(11_000_000)}]`);
    assert.ok(bomb.length < 60_000);
    await liar(a, (say, ask) => say(headerOf(whole(ask)), bomb));
    let longest = 0;
    let last = performance.now();
    const beat = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 10);
    const before = process.memoryUsage().rss;
    const replies = await asking.pause(
      Array.from({ length: 8 }, () => a),
      { until: Date.now() + 60_000, reason: "r" },
      patience(),
    );
    clearInterval(beat);
    const more = (process.memoryUsage().rss - before) / 2 ** 20;
    for (const one of replies) assert.match("trouble" in one ? one.trouble : "", /more than 262144 bytes/u);
    assert.ok(more < 50, `${more} MB`);
    assert.ok(longest < 500, `${longest} ms without a turn`);
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

  it("what one host sends that is not understood hides no trouble of another", async () => {
    await provide();
    const { troubles, keys } = await gateway();
    for (const host of [a, b]) (await liar(host, () => undefined)).publish(subjects.presence(keyOf(host)), "garbage");
    await until("both are told", () => troubles.length === 2);
    assert.equal(new Set(keys).size, 2, keys.join());
  });
});
