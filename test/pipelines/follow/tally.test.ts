import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { Entry } from "../../../pipelines/entry.ts";
import { checkpointText, restore } from "../../../pipelines/follow/checkpoint.ts";
import { Tally } from "../../../pipelines/follow/tally.ts";
import { MadeUpRecorder } from "./recorder.ts";

const now = 1_700_000_000_000;
const context = { now, boot: "boot" };

/** Sums by metric of all that is pending, sent or not. */
function totals(tally: Tally): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const { name, total } of tally.book.cells()) sums[name] = (sums[name] ?? 0) + total;
  return sums;
}

const add = (tally: Tally, entry: Entry, age = 0) => tally.add(entry, (now - age) * 1000, now);
const unread = (tally: Tally) => tally.pending.takeLive([]).filter(({ name }) => !name.startsWith("pipeline."));

describe("pipelines/follow/tally", () => {
  it("counts each kind of entry under its own name, and those for people not at all", () => {
    const [tally, recorder] = [new Tally(), new MadeUpRecorder()];
    for (const kind of ["summary", "namespace", "finding", "heartbeat"] as const) add(tally, recorder.entry(kind));
    assert.deepEqual(totals(tally), { "pipeline.entries": 4 });
    assert.equal(tally.heartbeat, now);
    add(tally, recorder.event({ count: 4, flaps: 2 }));
    add(tally, recorder.entry("overrun", { socket: "inet", count: 9 }));
    add(tally, recorder.entry("gap", { since: 5_000_000, until: 5_000_001 }));
    assert.deepEqual(totals(tally), {
      "pipeline.entries": 7,
      "netlink.events": 4,
      "fdb.flaps": 2,
      "netlink.lost": 9,
      "pipeline.gaps": 1,
      "pipeline.gap.seconds": 1,
    });
  });

  it("counts remedies by strategy and outcome; whoever writes them is no recorder, and changes nothing that one said", () => {
    const [tally, recorder, healer] = [new Tally(), new MadeUpRecorder(), new MadeUpRecorder()];
    add(tally, recorder.entry("misplaced", { state: "on", network: "testnet", container: "B1" }));
    add(tally, healer.entry("remedy", { strategy: "pin", outcome: "cured" }));
    add(tally, healer.entry("remedy", { strategy: "pin", outcome: "cured" }));
    assert.deepEqual(
      unread(tally).map(({ name, tags, value }) => ({ name, tags, value })),
      [{ name: "remedy.runs", tags: { strategy: "pin", outcome: "cured" }, value: 2 }],
    );
    assert.deepEqual(
      tally.placements(now).map(({ tags, value }) => [tags["container_name"], value]),
      [["B1", 1]],
    );
  });

  it("calls a network by its id where it has no name", () => {
    const [tally, recorder] = [new Tally(), new MadeUpRecorder()];
    const { network: _, ...nameless } = recorder.event({ networkId: "0123456789abcdef" });
    add(tally, nameless);
    assert.deepEqual(
      unread(tally).map(({ tags }) => tags),
      [{ docker_network: "0123456789ab", object: "fdb", action: "new" }],
    );
  });

  it("blames journald for a hole behind its notice, and for that one only", () => {
    const [tally, recorder] = [new Tally(), new MadeUpRecorder()];
    add(tally, recorder.event());
    const hole = () => void recorder.events(10);
    tally.suppression();
    hole();
    add(tally, recorder.event());
    hole();
    add(tally, recorder.event());
    tally.suppression();
    add(tally, recorder.event());
    hole();
    add(tally, recorder.event());
    const lost = unread(tally).filter(({ name }) => name === "netlink.lost");
    assert.deepEqual(
      lost.map(({ value, tags }) => [value, tags["cause"]]),
      [
        [10, "suppressed"],
        [20, "gap"],
      ],
    );
  });

  it("puts what is read late into the time of its last event, and believes no time that can not be", () => {
    const [tally, recorder] = [new Tally(), new MadeUpRecorder()];
    const at = (until?: number) =>
      add(tally, recorder.event(until === undefined ? {} : { until: until * 1000 }), 100_000);
    at(now - 112_000);
    at(now - 50_000);
    at(0);
    at();
    const samples = tally.pending.takeLate(100, true).filter(({ name }) => name === "netlink.events");
    assert.deepEqual(
      samples.map(({ at: time = 0, value }) => [time - now / 1000, value]),
      [
        [-115, 1],
        [-95, 3],
      ],
    );
  });

  it("counts the same, whatever comes again, is missing or is restored from a checkpoint in between", () => {
    const step = fc.record({
      kind: fc.constantFrom("event", "event", "heartbeat", "overrun"),
      count: fc.integer({ min: 1, max: 50 }),
      missing: fc.boolean(),
      age: fc.constantFrom(0, 20_000, 90_000),
      back: fc.nat(4),
      restart: fc.boolean(),
    } as const);
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
        const recorder = new MadeUpRecorder();
        let tally = new Tally();
        add(tally, recorder.event());
        const written: Entry[] = [];
        for (const { kind, count, missing, age, back, restart } of steps) {
          written.push(
            kind === "event"
              ? recorder.event({ count })
              : recorder.entry(kind, { count: kind === "overrun" ? 0 : count }),
          );
          if (missing) continue;
          if (restart) {
            const text = checkpointText(tally.book, { place: { read: 1 }, tally: tally.state() }, context);
            const { book, tally: state } = restore(text, undefined, context);
            tally = new Tally(book, state);
          }
          for (const entry of written.slice(-1 - back)) add(tally, entry, age);
        }
        add(tally, recorder.entry("heartbeat"));
        const { "netlink.events": events = 0, "netlink.lost": lost = 0 } = totals(tally);
        assert.equal(events + lost, recorder.total);
        const pending = [...tally.pending.takeLate(1e6, true), ...tally.pending.takeLive([])];
        const sum = pending.reduce((all, { name, value }) => all + (name.startsWith("netlink") ? value : 0), 0);
        assert.equal(sum, recorder.total);
      }),
    );
  });
});

const values = (tally: Tally, later = 0) => tally.placements(now + later).map(({ value }) => value);

describe("pipelines/follow/misplaced", () => {
  const about = { network: "n", container: "c" } as const;

  it("changes at on and off, and not at what repeats them", () => {
    const [tally, recorder] = [new Tally(), new MadeUpRecorder()];
    add(tally, recorder.entry("misplaced", { ...about, state: "off" }));
    assert.equal(tally.changed, false);
    for (const state of ["on", "off"] as const) {
      add(tally, recorder.entry("misplaced", { ...about, state }));
      assert.equal(tally.changed, true);
      assert.deepEqual(values(tally), [state === "on" ? 1 : 0]);
      add(tally, recorder.entry("misplaced", { ...about, state }));
      assert.equal(tally.changed, false);
    }
  });

  it("tells the end for five minutes", () => {
    const [tally, recorder] = [new Tally(), new MadeUpRecorder()];
    add(tally, recorder.entry("misplaced", { ...about, state: "on" }));
    add(tally, recorder.entry("misplaced", { ...about, state: "off" }));
    assert.deepEqual(values(tally, 299_000), [0]);
    assert.deepEqual(values(tally, 301_000), []);
  });

  it("holds as long as the recorder lives, and is forgotten 30 s after its last word, or with another recorder", () => {
    const [tally, recorder] = [new Tally(), new MadeUpRecorder()];
    add(tally, recorder.entry("misplaced", { ...about, state: "on" }), 120_000);
    add(tally, recorder.entry("heartbeat"), 0);
    assert.deepEqual(values(tally, 29_000), [1]);
    assert.deepEqual(values(tally, 31_000), []);
    add(tally, recorder.entry("misplaced", { ...about, state: "on" }));
    add(tally, new MadeUpRecorder().entry("heartbeat"));
    assert.deepEqual(values(tally), []);
  });

  it("is doubted after a hole, in which its end may have been, until it is said again", () => {
    const [tally, recorder] = [new Tally(), new MadeUpRecorder()];
    add(tally, recorder.entry("misplaced", { ...about, state: "on" }), 40_000);
    recorder.entry("misplaced", { ...about, state: "off" });
    add(tally, recorder.entry("heartbeat"), 20_000);
    assert.deepEqual(values(tally), []);
    add(tally, recorder.entry("misplaced", { ...about, state: "on" }), 40_000);
    recorder.entry("heartbeat");
    add(tally, recorder.entry("heartbeat"), 30_000);
    add(tally, recorder.entry("misplaced", { ...about, state: "on" }), 20_000);
    add(tally, recorder.entry("heartbeat"));
    assert.deepEqual(values(tally, 20_000), [1]);
  });
});
