import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { headers } from "@nats-io/transport-node";
import { jetstreamManager } from "@nats-io/jetstream";
import { connectOnce } from "../../../dispatch/nats/connection.ts";
import {
  type FleetPause,
  keepFleetPause,
  Overtaken,
  PauseTrouble,
  readFleetPause,
} from "../../../dispatch/nats/fleet-pause.ts";
import { PauseWatch } from "../../../dispatch/nats/fleet-pause-watch.ts";
import { makeSigningKey, readSigningKey, signatureOf } from "../../../dispatch/nats/signature.ts";
import { fleetStream, signatureHeader, subjects } from "../../../dispatch/nats/subjects.ts";
import { until } from "../../host/until.ts";
import { brokerOf, optionsOf } from "./fleet.ts";
import { useFleet } from "./use-fleet.ts";

const host = "a.example.com";
const pauseFor = (ms: number, reason = "storm", by: FleetPause["by"] = "operator"): FleetPause => {
  return { until: Date.now() + ms, reason, by };
};

describe("dispatch/nats: the pause of a fleet", function () {
  this.timeout(30_000);
  const { server, fleet, kept, provide } = useFleet([host], [host]);
  const { signingKey } = fleet;

  /** Of a gateway. */
  async function link() {
    const { broker } = await brokerOf(server().url, fleet.seeds.gateway, "gateway");
    kept(broker);
    return { connection: await broker.ready, timeoutMs: 2000 };
  }

  async function watch(everyMs = 10_000, timeoutMs = 2000) {
    const { broker } = await brokerOf(server().url, fleet.seeds.gateway, "gateway", timeoutMs);
    const [changes, troubles]: [(string | undefined)[], string[]] = [[], []];
    const watching = new PauseWatch({
      broker,
      signingKey,
      onChange: (pause) => changes.push(pause?.reason),
      onTrouble: (what) => troubles.push(what),
      everyMs,
    });
    kept({ close: async () => watching.close() });
    kept(broker);
    await broker.ready;
    await watching.standing();
    return { broker, watching, changes, troubles };
  }

  it("is at every gateway, one that starts later too, and lifted at all of them", async () => {
    await provide();
    const one = await watch();
    assert.deepEqual([one.watching.current(), one.watching.isKnown, one.troubles], [undefined, true, []]);
    const pause = pauseFor(60_000);
    await keepFleetPause(await link(), pause, signingKey);
    await until("the first hears of it", () => one.watching.current() !== undefined);
    const two = await watch();
    assert.deepEqual([one.watching.current(), await two.watching.standing()], [pause, pause]);
    await keepFleetPause(await link(), pauseFor(90_000, "longer"), signingKey);
    await until("both hear of the change", () => [one, two].every(({ changes }) => changes.includes("longer")));
    await keepFleetPause(await link(), undefined, signingKey);
    await until("both go on", () => [one, two].every(({ watching }) => watching.current() === undefined));
    assert.deepEqual(one.changes, ["storm", "longer", undefined]);
  });

  it("outlives the broker's SIGKILL, and one that is set while it restarts is heard of", async () => {
    await provide();
    await keepFleetPause(await link(), pauseFor(60_000), signingKey);
    const one = await watch();
    await server().end("SIGKILL");
    assert.equal(one.watching.current()?.reason, "storm", "what was known holds");
    await server().start();
    await keepFleetPause(await link(), pauseFor(60_000, "meanwhile"), signingKey);
    await until("it is heard of", () => one.watching.current()?.reason === "meanwhile", 10_000);
  });

  it("ends by itself, and one whose time is over is none", async () => {
    await provide();
    await keepFleetPause(await link(), pauseFor(-1000, "past"), signingKey);
    const one = await watch();
    assert.deepEqual([one.watching.current(), one.changes], [undefined, []]);
    await keepFleetPause(await link(), pauseFor(1500), signingKey);
    await until("it holds, and is over", () => one.changes.length === 2, 5000);
    assert.deepEqual(one.changes, ["storm", undefined]);
  });

  it("of a clock that is far ahead lasts no longer than one may", async () => {
    await provide();
    const week = 7 * 24 * 3_600_000;
    await keepFleetPause(await link(), pauseFor(100 * week), signingKey);
    const { pause } = await readFleetPause(await link(), signingKey);
    assert.ok((pause?.until ?? 0) <= Date.now() + week + 120_000);
  });

  it("that this gateway's key did not sign, or that is none, is not believed, and what held before holds", async () => {
    await provide();
    const good = pauseFor(60_000);
    await keepFleetPause(await link(), good, signingKey);
    const one = await watch();
    const { connection } = await link();
    const forged = async (body: string, signature?: string) => {
      const made = headers();
      if (signature !== undefined) made.set(signatureHeader, signature);
      one.troubles.length = 0;
      connection.publish(subjects.fleetPause, body, { headers: made });
      await until("it is told", () => one.troubles.length > 0);
      assert.deepEqual(one.watching.current(), good);
      assert.equal(one.watching.isKnown, false);
      return one.troubles.join();
    };
    const lift = JSON.stringify({ v: 1, at: Date.now(), pause: null });
    assert.match(await forged(lift), /was not signed with this gateway's key, and is not believed/u);
    await keepFleetPause(await link(), good, signingKey);
    await until("it is well again", () => one.watching.isKnown, 5000);
    const other = readSigningKey(makeSigningKey().secret);
    assert.match(await forged(lift, signatureOf(lift, other)), /was not signed with this gateway's key/u);
    const later = JSON.stringify({ v: 2, at: 1, pause: null });
    assert.match(await forged(later, signatureOf(later, signingKey)), /is not understood: is it of another version/u);
  });

  it("that a gateway opens itself holds at once; of two at the same moment one is kept", async () => {
    await provide();
    const [one, two] = [await watch(), await watch()];
    const [a, b] = [pauseFor(60_000, "one", "breaker"), pauseFor(61_000, "two", "breaker")];
    const opening = [one.watching.open(a), two.watching.open(b)];
    assert.deepEqual([one.watching.current(), two.watching.current()], [a, b]);
    const opened = await Promise.all(opening);
    assert.deepEqual(new Set(opened), new Set([false, true]));
    const { pause } = await readFleetPause(await link(), signingKey);
    assert.deepEqual(pause, opened[0] === true ? a : b);
    await until("both have the same", () =>
      [one, two].every(({ watching }) => watching.current()?.until === pause?.until),
    );
    assert.equal(await one.watching.open(pauseFor(99_000)), false, "one holds already");
    await keepFleetPause(await link(), undefined, signingKey);
    await until("a person lifts it", () => one.watching.current() === undefined);
    await assert.rejects(keepFleetPause(await link(), a, signingKey, { seq: 1, at: 0 }), Overtaken);
  });

  it("of a fleet that was provisioned by an older version: it is said what to do, and what is opened here holds", async () => {
    await provide();
    await forget();
    const one = await watch(200);
    assert.match(one.troubles.join(), /it has no place for it; .* run `overlaywatch fleet provision`$/u);
    assert.deepEqual([one.watching.isKnown, one.watching.current()], [false, undefined]);
    await assert.rejects(keepFleetPause(await link(), pauseFor(1), signingKey), /run `overlaywatch fleet provision`$/u);
    const pause = pauseFor(60_000, "many", "breaker");
    assert.equal(await one.watching.open(pause), true);
    assert.deepEqual(one.watching.current(), pause);
    await provide();
    await until("it is kept at last", () => one.watching.isKnown, 5000);
    assert.deepEqual((await readFleetPause(await link(), signingKey)).pause, pause);
    assert.deepEqual(one.troubles.length, 1, "once");
  });

  /** Whose stream is gone, with all that was said. */
  async function forget(): Promise<void> {
    const admin = await connectOnce(optionsOf(server().url, fleet.seeds.admin, "admin"));
    kept(admin);
    await (await jetstreamManager(admin, { checkAPI: false })).streams.delete(fleetStream);
  }

  it("that the broker has forgotten holds all the same, and is written again; only a signed word lifts", async () => {
    await provide();
    const pause = pauseFor(60_000);
    const { at } = await keepFleetPause(await link(), pause, signingKey);
    const [one, two] = [await watch(200), await watch(200)];
    assert.equal(one.watching.isSaid, true);
    await forget();
    await provide();
    await until("it is written again", () => /is written again/u.test(one.troubles.join()), 5000);
    await until("both know it", () => one.watching.isSaid && two.watching.isSaid, 5000);
    const again = await readFleetPause(await link(), signingKey);
    assert.deepEqual(
      [again.pause, again.at],
      [pause, at],
      "as of then: it overtakes nobody who has heard something newer",
    );
    assert.deepEqual([one.watching.current(), one.changes, two.changes], [pause, ["storm"], ["storm"]]);
    await keepFleetPause(await link(), undefined, signingKey);
    await until("a person lifts it", () => one.watching.current() === undefined);
    assert.equal(one.watching.isSaid, true, "that there is none was said");
  });

  it("of which nothing was ever said is no word that there is none", async () => {
    await provide();
    const one = await watch();
    assert.deepEqual([one.watching.isKnown, one.watching.isSaid], [true, false]);
  });

  it("is not lifted by an older word that is sent again", async () => {
    await provide();
    const by = await link();
    await keepFleetPause(by, undefined, signingKey);
    const manager = await jetstreamManager(by.connection, { checkAPI: false });
    const old = await manager.streams.getMessage(fleetStream, { last_by_subj: subjects.fleetPause });
    assert.ok(old !== null);
    const pause = pauseFor(60_000);
    await keepFleetPause(by, pause, signingKey);
    const one = await watch();
    const again = headers();
    again.set(signatureHeader, old.header.get(signatureHeader));
    by.connection.publish(subjects.fleetPause, old.data, { headers: again });
    await until("it is told", () => /an older word/u.test(one.troubles.join()), 5000);
    assert.deepEqual([one.watching.current(), one.changes], [pause, ["storm"]]);
    await until("it is written again", () => one.watching.isKnown, 5000);
    assert.deepEqual((await readFleetPause(by, signingKey)).pause, pause);
  });

  it("is said later than the word before, also by a clock that is behind", async () => {
    await provide();
    const by = await link();
    const ahead = Date.now() + 60_000;
    await keepFleetPause(by, pauseFor(600_000), signingKey, { seq: 0, at: ahead });
    const one = await watch();
    await keepFleetPause(by, undefined, signingKey);
    await until("it is lifted", () => one.watching.current() === undefined);
    assert.deepEqual(one.troubles, []);
    assert.ok((await readFleetPause(by, signingKey)).at > ahead);
  });

  it("that a person has said is not shortened by what a gateway opened before it could read", async () => {
    await provide();
    const person = pauseFor(5 * 24 * 3_600_000, "the person's");
    await keepFleetPause(await link(), person, signingKey);
    const { broker } = await brokerOf(server().url, fleet.seeds.gateway, "gateway", 2000);
    kept(broker);
    await broker.ready;
    await server().hang();
    const watching = new PauseWatch({
      broker,
      signingKey,
      onChange: () => undefined,
      onTrouble: () => undefined,
      everyMs: 200,
    });
    kept({ close: async () => watching.close() });
    const opening = watching.open(pauseFor(1_800_000, "many", "breaker"));
    await opening;
    assert.equal(watching.current()?.reason, "many");
    server().signal("SIGCONT");
    await until("it is read", () => watching.current()?.reason === "the person's", 10_000);
    await until("it is well", () => watching.isKnown, 5000);
    assert.deepEqual((await readFleetPause(await link(), signingKey)).pause, person);
  });

  it("has one end, however often it is read", async () => {
    await provide();
    await keepFleetPause(await link(), pauseFor(100 * 7 * 24 * 3_600_000), signingKey);
    const ends = new Set<number | undefined>();
    for (let read = 0; read < 3; read++) {
      ends.add((await readFleetPause(await link(), signingKey)).pause?.until);
      await sleep(20);
    }
    assert.equal(ends.size, 1);
  });

  it("whose answer came too late was kept, and that is known", async () => {
    await provide();
    const { connection } = await link();
    const pause = pauseFor(60_000);
    await server().hang();
    const asking = keepFleetPause({ connection, timeoutMs: 700 }, pause, signingKey, { seq: 0, at: 0 });
    await sleep(1000);
    server().signal("SIGCONT");
    await asking;
    assert.deepEqual((await readFleetPause(await link(), signingKey)).pause, pause);
  });

  it("of which no answer comes at all is not known to be kept", async () => {
    await provide();
    const { connection } = await link();
    await server().hang();
    const asking = keepFleetPause({ connection, timeoutMs: 300 }, pauseFor(60_000), signingKey, { seq: 0, at: 0 });
    try {
      await assert.rejects(asking, (error) => error instanceof PauseTrouble && error.isOpen);
    } finally {
      server().signal("SIGCONT");
    }
  });
});
