import assert from "node:assert/strict";
import { headers } from "@nats-io/transport-node";
import { jetstreamManager } from "@nats-io/jetstream";
import { connectOnce } from "../../../dispatch/nats/connection.ts";
import { type FleetPause, keepFleetPause, Overtaken, readFleetPause } from "../../../dispatch/nats/fleet-pause.ts";
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
    await assert.rejects(keepFleetPause(await link(), a, signingKey, 1), Overtaken);
  });

  it("of a fleet that was provisioned by an older version: it is said what to do, and what is opened here holds", async () => {
    await provide();
    const admin = await connectOnce(optionsOf(server().url, fleet.seeds.admin, "admin"));
    kept(admin);
    await (await jetstreamManager(admin, { checkAPI: false })).streams.delete(fleetStream);
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
});
