import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Seen } from "../../../dispatch/nats/fleet.ts";
import type { FleetPause } from "../../../dispatch/nats/fleet-pause.ts";
import { againAfter, openPauseTelling, thereFor, unaware } from "../../../dispatch/nats/pause-telling.ts";
import { until } from "../../host/until.ts";

const now = 1_000_000;
const seenAs = (fleetUntil: number | null | undefined, at = now): Seen => {
  const known = fleetUntil === undefined ? {} : { fleetUntil };
  return { v: 1, host: "a", version: "0", mode: "auto", inForce: "auto", paused: false, at, ...known };
};
const one = (seen: Seen) => new Map([["k", seen]]);

describe("dispatch/nats: who is told of the fleet's pause", () => {
  it("is who is there and has kept another word, or none", () => {
    const is = (word: number | null, seen: Seen) =>
      unaware({ seen: one(seen), told: new Map(), word, now }).length === 1;
    assert.deepEqual(
      [is(5, seenAs(null)), is(5, seenAs(undefined)), is(5, seenAs(4)), is(5, seenAs(5))],
      [true, true, true, false],
    );
    assert.deepEqual([is(null, seenAs(5)), is(null, seenAs(undefined)), is(null, seenAs(null))], [true, true, false]);
    assert.deepEqual([is(5, seenAs(null, now - thereFor)), is(5, seenAs(null, now - thereFor + 1))], [false, true]);
  });

  it("is not told the same again at once, and another word at once", () => {
    const is = (word: number | null, at: number) =>
      unaware({ seen: one(seenAs(null)), told: new Map([["k", { word: 5, at }]]), word, now }).length === 1;
    assert.deepEqual([is(5, now - againAfter + 1), is(5, now - againAfter), is(6, now)], [false, true, true]);
  });

  it("is told by who has set it first, at once where that is the gateway, and not that there is none where that is not known", async () => {
    const said: string[] = [];
    const seen = one(seenAs(undefined, Date.now() + 1000));
    const troubles: string[] = [];
    const ask = {
      pause: async (hosts: readonly string[], { reason }: { readonly reason: string }) => {
        said.push(`${hosts.join()} ${reason}`);
        return hosts.map((host) => ({ host, trouble: "no helper" }));
      },
      resume: async (hosts: readonly string[]) => {
        said.push(`${hosts.join()} on`);
        throw new Error("the connection is lost");
      },
    };
    let [pause, isSaid]: [FleetPause | undefined, boolean] = [undefined, false];
    const wanted = () => ({ pause, isSaid });
    const onTrouble = (host: string, trouble: string) => troubles.push(`${host}: ${trouble}`);
    const telling = openPauseTelling({ ask, seen, wanted, onTrouble, everyMs: 20, graceMs: 300 });
    try {
      await sleep(400);
      assert.deepEqual(said, [], "it is not known");
      pause = { until: Date.now() + 60_000, reason: "storm", by: "operator" };
      await sleep(100);
      assert.deepEqual(said, [], "who has set it tells it");
      await until("it is told", () => said.length > 0);
      pause = { ...pause, until: pause.until + 1, reason: "longer" };
      telling.now();
      assert.deepEqual(said, ["a storm", "a longer"]);
      [pause, isSaid] = [undefined, true];
      await until("it is told that there is none", () => said.length > 2);
      await sleep(100);
      assert.deepEqual(said, ["a storm", "a longer", "a on"], "once");
      assert.deepEqual(troubles, ["a: no helper", "a: no helper"]);
    } finally {
      telling.close();
    }
  });

  it("is a host that is back at once, again where it was told before, and nobody where nothing was ever said", async () => {
    const said: string[] = [];
    const ask = {
      pause: async (hosts: readonly string[]) => (said.push(`${hosts.join()} pause`), []),
      resume: async (hosts: readonly string[]) => (said.push(`${hosts.join()} on`), []),
    };
    const seen = one(seenAs(undefined, Date.now()));
    let [pause, isSaid]: [FleetPause | undefined, boolean] = [undefined, false];
    const wanted = () => ({ pause, isSaid });
    const telling = openPauseTelling({ ask, seen, wanted, onTrouble: () => undefined, everyMs: 60_000 });
    try {
      telling.saw("k");
      assert.deepEqual(said, [], "silence is no word");
      isSaid = true;
      telling.saw("k");
      pause = { until: Date.now() + 60_000, reason: "storm", by: "operator" };
      telling.saw("k");
      telling.saw("k");
      assert.deepEqual(said, ["a on", "a pause"]);
    } finally {
      telling.close();
    }
  });
});
