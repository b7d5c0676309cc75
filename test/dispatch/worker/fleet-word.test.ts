import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Pause } from "../../../dispatch/worker/ask-helper.ts";
import { fleetWord } from "../../../dispatch/worker/fleet-word.ts";

const helperOf = (answer: () => Promise<readonly string[]>) => {
  const asked: (Pause | undefined)[] = [];
  return { asked, pause: async (pause: Pause | undefined) => (asked.push(pause), answer()) };
};

describe("dispatch/worker: the fleet's word", () => {
  it("is kept by the helper, one after the other, and known here only when it is", async () => {
    const helper = helperOf(async () => (await sleep(20), ["stops"]));
    const word = fleetWord(helper);
    assert.equal(word.kept(), undefined);
    const all = [
      word.pause({ at: 1, until: 50, reason: "r" }),
      word.resume({ at: 2 }),
      word.pause({ at: 2, until: 60, reason: "s" }),
    ];
    assert.equal(word.kept(), undefined);
    assert.deepEqual(await Promise.all(all), [["stops"], ["stops"], ["stops"]]);
    assert.deepEqual(helper.asked, [{ until: 50, reason: "r" }, undefined, { until: 60, reason: "s" }]);
    assert.equal(word.kept(), 60);
    await word.resume({ at: 3 });
    assert.equal(word.kept(), null);
  });

  it("that is older than the last one kept undoes nothing; one that was not kept counts for nothing", async () => {
    let isThere = false;
    const helper = helperOf(async () => {
      if (!isThere) throw new Error("no helper");
      return [];
    });
    const word = fleetWord(helper);
    await assert.rejects(word.pause({ at: 9, until: 50, reason: "r" }), /no helper/u);
    assert.equal(word.kept(), undefined);
    isThere = true;
    await word.pause({ at: 5, until: 50, reason: "r" });
    await assert.rejects(word.resume({ at: 4 }), /something newer was said/u);
    assert.deepEqual([word.kept(), helper.asked.length], [50, 2]);
  });
});
