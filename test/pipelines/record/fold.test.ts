import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { Entry } from "../../../pipelines/entry.ts";
import { entryBudget } from "../../../pipelines/record/budget.ts";
import { type Counted, folding } from "../../../pipelines/record/fold.ts";
import { outbox } from "../../../pipelines/record/outbox.ts";
import { stamping } from "../../../pipelines/record/stamp.ts";
import { manualClock } from "../../host/manual-clock.ts";

const scope = { netns: "1-aaaaaaaaaa", network: "net1", networkId: "a".repeat(64) };
const otherScope = { netns: "1-bbbbbbbbbb", network: "net2", networkId: "b".repeat(64) };

function event(at: number, more: Partial<Counted> = {}): Counted {
  return {
    object: "fdb",
    action: "new",
    at,
    mac: "",
    container: undefined,
    moves: 0,
    flaps: 0,
    vtepChanges: 0,
    ...more,
  };
}

function stage(maxEntries: number) {
  const clock = manualClock(0);
  const entries: Entry[] = [];
  const sink = { takes: true };
  const stamp = stamping("host1", "0".repeat(32), (entry) => {
    if (sink.takes) entries.push(entry);
    return sink.takes;
  });
  const fold = folding({ maxEntries, write: stamp.write, monotonic: clock.monotonic });
  const add = (one: Counted, where = scope): void =>
    fold.add(where, one, () => ({
      kind: "event",
      ...where,
      object: one.object,
      action: one.action,
      count: 1,
      since: one.at,
      message: "single",
    }));
  return { clock, entries, sink, stamp, fold, add };
}

function inBusiestSecond(times: readonly number[]): number {
  return Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + 1000).length));
}

describe("pipelines/record/fold", () => {
  it("writes single entries while the budget lasts, then one folded for each key", () => {
    const { entries, fold, add } = stage(100);
    for (let n = 0; n < 75; n++) add(event(n));
    assert.equal(entries.length, 75);
    const local = { mac: "02:42:0a:00:00:02", container: "A1" };
    for (let n = 75; n < 1000; n++)
      add(event(n, n % 2 === 0 ? { ...local, moves: 1, flaps: n % 4 === 0 ? 1 : 0 } : {}));
    add(event(1000, { action: "miss", object: "neigh" }));
    assert.equal(entries.length, 75);
    assert.equal(fold.pending(), 926);
    assert.equal(fold.oldest(), 75);
    fold.flush();
    const folded = entries
      .slice(75)
      .map(({ object, action, mac, container, count, moves, flaps, since, until, seq, total }) => ({
        object,
        action,
        mac,
        container,
        count,
        moves,
        flaps,
        since,
        until,
        seq,
        total,
      }));
    assert.deepEqual(folded, [
      {
        object: "fdb",
        action: "new",
        mac: undefined,
        container: undefined,
        count: 463,
        moves: 0,
        flaps: 0,
        since: 75,
        until: 999,
        seq: 76,
        total: 538,
      },
      {
        object: "fdb",
        action: "new",
        ...local,
        count: 462,
        moves: 462,
        flaps: 231,
        since: 76,
        until: 998,
        seq: 77,
        total: 1000,
      },
      {
        object: "neigh",
        action: "miss",
        mac: undefined,
        container: undefined,
        count: 1,
        moves: 0,
        flaps: 0,
        since: 1000,
        until: 1000,
        seq: 78,
        total: 1001,
      },
    ]);
    assert.match(entries[76]?.message ?? "", /^462 fdb new events in 0\.001 s of A1 on net1, 462 moves, 231 flaps$/);
    assert.equal(fold.pending(), 0);
  });

  it("keeps the order of time in a namespace: nothing single overtakes what is folded", () => {
    const { clock, entries, fold, add } = stage(100);
    for (let n = 0; n < 80; n++) add(event(n));
    clock.advance(5000);
    add(event(80));
    assert.equal(entries.length, 75, "there is room, but older ones wait");
    add(event(81), otherScope);
    assert.equal(entries.length, 76, "another namespace is not held up");
    fold.flush();
    add(event(82));
    assert.deepEqual(
      entries.slice(76).map(({ count }) => count),
      [6, 1],
    );
  });

  it("puts the MACs together when there are more keys than entries to write", () => {
    const { entries, fold, add } = stage(20);
    for (let n = 0; n < 500; n++) add(event(n, { mac: `02:42:0a:00:00:${n % 50}`, container: `c${n % 50}`, moves: 1 }));
    fold.flush();
    const folded = entries.slice(15);
    assert.deepEqual(
      folded.map(({ mac, container, count, moves }) => ({ mac, container, count, moves })),
      [{ mac: undefined, container: undefined, count: 485, moves: 485 }],
    );
  });

  it("counts on while nothing is taken, in the same memory, and loses nothing", () => {
    const { clock, entries, fold, add, sink, stamp } = stage(100);
    sink.takes = false;
    for (let n = 0; n < 10_000; n++) {
      add(event(n));
      if (n % 100 === 0) fold.flush();
      clock.advance(1);
    }
    assert.deepEqual([entries.length, fold.pending(), stamp.total()], [0, 10_000, 0]);
    sink.takes = true;
    fold.flush();
    assert.deepEqual(
      entries.map(({ seq, count, total }) => ({ seq, count, total })),
      [{ seq: 1, count: 10_000, total: 10_000 }],
    );
  });

  it("never has more stamped than its budget in any second, by a journald that comes up to half a second late, and loses no event", () => {
    const latest = 450;
    const step = fc.record({
      pause: fc.integer({ min: 0, max: 300 }),
      events: fc.integer({ min: 0, max: 60 }),
      mac: fc.integer({ min: 0, max: 30 }),
      other: fc.boolean(),
      takes: fc.boolean(),
      late: fc.integer({ min: 0, max: latest }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { clock, entries, fold, add, sink, stamp } = stage(20);
        const stamped: number[] = [];
        let [forced, seen] = [0, 0];
        for (const { pause, events, mac, other, takes, late } of steps) {
          clock.advance(pause);
          sink.takes = takes;
          for (let n = 0; n < events; n++)
            add(event(forced++, mac === 0 ? {} : { mac: String(mac) }), other ? otherScope : scope);
          if (pause > 100) fold.flush();
          for (; seen < entries.length; seen++) stamped.push(Math.max(stamped.at(-1) ?? 0, clock.monotonic() + late));
          assert.equal(stamp.total() + fold.pending(), forced);
        }
        assert.ok(inBusiestSecond(stamped) <= 20);
        sink.takes = true;
        fold.drain();
        assert.equal(
          entries.reduce((sum, { count = 0 }) => sum + count, 0),
          forced,
        );
        assert.equal(entries.at(-1)?.total ?? 0, forced);
        assert.deepEqual(
          entries.map(({ seq }) => seq),
          entries.map((_, n) => n + 1),
        );
      }),
      { numRuns: 400 },
    );
  });

  it("lets what is no event through at any time, counts it, and leaves a tenth to it", () => {
    const clock = manualClock(0);
    const budget = entryBudget(10, clock.monotonic);
    for (let n = 0; n < 12; n++) budget.spend();
    assert.equal(budget.left(), -2);
    clock.advance(1600);
    assert.equal(budget.left(), 10);
    const { entries, fold, add } = stage(100);
    for (let n = 0; n < 200; n++) add(event(n), { ...scope, netns: `1-${n}` });
    fold.flush();
    assert.equal(entries.length, 90);
    for (let n = 0; n < 20; n++) assert.ok(fold.urgent({ kind: "heartbeat", message: "" }));
    assert.equal(entries.length, 110);
  });

  it("tries again what is no event and was refused, and dates it by the oldest event that waits", () => {
    const { entries, fold, add, sink } = stage(100);
    const out = outbox(fold);
    sink.takes = false;
    add(event(7));
    out.say({ kind: "misplaced", message: "A1", state: "on" });
    out.say({ kind: "heartbeat", message: "" });
    assert.deepEqual([out.waiting(), out.dropped()], [1, 1]);
    for (let n = 0; n < 1000; n++) out.say({ kind: "overrun", message: "", count: 1, since: 3, until: 9 });
    assert.equal(out.waiting(), 512);
    sink.takes = true;
    out.flush();
    assert.equal(out.waiting(), 0);
    assert.deepEqual(
      entries.slice(0, 2).map(({ kind, since }) => ({ kind, since })),
      [
        { kind: "misplaced", since: 7 },
        { kind: "overrun", since: 3 },
      ],
    );
  });
});
