import assert from "node:assert/strict";
import { episodes } from "../../../dispatch/worker/episodes.ts";

const [second, minute, hour] = [1000, 60_000, 3_600_000];

/** Seen each second for so long, and each offer taken: when, and by which ids. */
function offers(
  ms: number,
  start = 0,
  faults = episodes("web-1", 10_000),
): readonly (readonly [at: number, id: string])[] {
  const all: (readonly [number, string])[] = [];
  for (let now = start; now < start + ms; now += second) {
    const id = faults.seen(now);
    if (id === undefined) continue;
    all.push([now - start, id]);
    faults.offered(now);
  }
  return all;
}

describe("dispatch/worker/episodes", () => {
  it("is one job for one fault, and rarer and rarer ones while it stays", () => {
    const all = offers(24 * hour);
    assert.deepEqual(
      all.slice(0, 5).map(([at]) => at / minute),
      [0, 1, 3, 7, 15],
    );
    assert.equal(new Set(all.map(([, id]) => id)).size, all.length);
    assert.ok(all.length < 32, `${all.length} in a day`);
  });

  it("is another fault after ten seconds of nothing, or when the clock jumps; by another host's name another job", () => {
    const faults = episodes("web-1", 10_000);
    const [first] = offers(5 * second, 0, faults);
    assert.deepEqual(offers(5 * second, 14 * second, faults), [], "seen nine seconds ago");
    const [again] = offers(5 * second, 40 * second, faults);
    assert.ok(again?.[0] === 0 && again[1] !== first?.[1]);
    assert.equal(offers(second, -hour, faults).length, 1);
    assert.notEqual(offers(second, 0, episodes("web-2", 10_000))[0]?.[1], first?.[1]);
  });

  it("is offered again by the same id until it is taken", () => {
    const faults = episodes("web-1", 10_000);
    assert.equal(faults.seen(0), faults.seen(second));
    assert.match(faults.seen(2 * second) ?? "", /^[0-9a-f]{64}$/u);
  });

  it("is wanted again while it was seen a short time ago: asking for it is no sighting", () => {
    const faults = episodes("web-1", 15_000);
    assert.equal(faults.wanted(1000), undefined);
    const id = faults.seen(1000);
    assert.equal(faults.wanted(10_000), id);
    assert.equal(faults.wanted(16_000), id);
    assert.equal(faults.wanted(16_001), undefined, "it has ended");
    assert.notEqual(faults.seen(17_000), id, "another fault");
    faults.offered(17_000);
    assert.equal(faults.wanted(18_000), undefined, "it was taken");
  });
});
