import assert from "node:assert/strict";
import * as fc from "fast-check";
import { Epochs } from "../../../pipelines/follow/epochs.ts";

const [a, b] = ["a".repeat(32), "b".repeat(32)];

const name = (n: number): string => n.toString(16).padStart(32, "0");

describe("pipelines/follow/epochs", () => {
  it("begins where it begins: what was before the first entry of all is not missed", () => {
    const epochs = new Epochs();
    assert.deepEqual(epochs.take({ epoch: a, seq: 50, total: 900 }, 1), { replay: false, lost: 0, hole: false });
    assert.deepEqual(epochs.take({ epoch: a, seq: 51, total: 905 }, 5), { replay: false, lost: 0, hole: false });
  });

  it("takes a number at or below the last for a replay", () => {
    const epochs = new Epochs([{ epoch: a, seq: 7, total: 70 }]);
    for (const seq of [7, 1]) assert.equal(epochs.take({ epoch: a, seq, total: 70 }, 1).replay, true);
    assert.equal(epochs.take({ epoch: a, seq: 8, total: 71 }, 1).replay, false);
  });

  it("tells what a hole cost, and a hole that cost nothing", () => {
    const epochs = new Epochs([{ epoch: a, seq: 7, total: 70 }]);
    assert.deepEqual(epochs.take({ epoch: a, seq: 10, total: 100 }, 5), { replay: false, lost: 25, hole: true });
    assert.deepEqual(epochs.take({ epoch: a, seq: 12, total: 100 }, 0), { replay: false, lost: 0, hole: true });
  });

  it("tells what a recorder's life cost of which the beginning is not there, once another one is known", () => {
    const epochs = new Epochs([{ epoch: a, seq: 7, total: 70 }]);
    assert.deepEqual(epochs.take({ epoch: b, seq: 1, total: 4 }, 4), { replay: false, lost: 0, hole: false });
    assert.equal(epochs.take({ epoch: a, seq: 7, total: 70 }, 1).replay, true);
    const other = new Epochs([{ epoch: a, seq: 7, total: 70 }]);
    assert.deepEqual(other.take({ epoch: b, seq: 5, total: 40 }, 4), { replay: false, lost: 36, hole: true });
  });

  it("never counts a loss twice where a total goes down", () => {
    const epochs = new Epochs([{ epoch: a, seq: 1, total: 100 }]);
    assert.equal(epochs.take({ epoch: a, seq: 2, total: 50 }, 0).lost, 0);
    assert.equal(epochs.take({ epoch: a, seq: 3, total: 100 }, 0).lost, 0);
  });

  it("keeps a bounded number of lives, those seen last", () => {
    const epochs = new Epochs();
    for (let n = 0; n < 100; n++) epochs.take({ epoch: name(n), seq: 1, total: 1 }, 1);
    assert.equal(epochs.marks().length, 64);
    assert.equal(epochs.current, name(99));
    assert.equal(epochs.marks().at(-1)?.epoch, name(99));
  });

  it("counted and lost are what was written, whatever comes again, is missing, or is restored in between", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ own: fc.nat(9), missing: fc.boolean(), back: fc.nat(5), restart: fc.boolean() }), {
          minLength: 1,
        }),
        (plan) => {
          let epochs = new Epochs([{ epoch: a, seq: 0, total: 0 }]);
          let [total, got] = [0, 0];
          const written: { seq: number; total: number; own: number }[] = [];
          const take = (entry: (typeof written)[number]) => {
            const { replay, lost } = epochs.take({ epoch: a, ...entry }, entry.own);
            if (!replay) got += lost + entry.own;
          };
          for (const [index, { own, missing, back, restart }] of plan.entries()) {
            total += own;
            written.push({ seq: index + 1, total, own });
            if (missing && index < plan.length - 1) continue;
            if (restart) epochs = new Epochs(epochs.marks());
            for (const entry of written.slice(-1 - back)) take(entry);
            take(written[0]!);
          }
          assert.equal(got, total);
        },
      ),
    );
  });
});
