import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { CounterIdentity } from "../../collectors/collector.ts";
import { Growth } from "../../collectors/growth.ts";

/** One cycle: readings as `group/member: value`, and which groups began when. Returns what grew. */
function cycle(growth: Growth, now: number, readings: Record<string, number>, born: Record<string, number> = {}) {
  growth.begin(now);
  const grown: Record<string, number> = {};
  for (const [path, bytes] of Object.entries(readings)) {
    const [group = "", member = ""] = path.split("/");
    const bornAt = born[group];
    const by = grownOf(growth, { group, member, ...(bornAt === undefined ? {} : { bornAt }) }, { bytes })?.["bytes"];
    if (by !== undefined) grown[path] = by;
  }
  return { grown, resets: growth.end() };
}

function grownOf(growth: Growth, counter: CounterIdentity, values: Record<string, number>) {
  const grown: Record<string, number> = {};
  return growth.of(counter, values, (name, by) => void (grown[name] = by)) ? grown : undefined;
}

describe("collectors/growth", () => {
  it("says nothing at the first reading of what was there before", () => {
    const growth = new Growth();
    assert.deepEqual(cycle(growth, 10, { "a/1": 500 }, { a: 5 }), { grown: {}, resets: 0 });
    assert.deepEqual(cycle(growth, 20, { "a/1": 512, "b/1": 900 }, { a: 5, b: 9 }), {
      grown: { "a/1": 12 },
      resets: 0,
    });
    assert.deepEqual(cycle(growth, 30, { "b/1": 901, "c/1": 7 }), { grown: { "b/1": 1 }, resets: 0 });
  });

  it("counts whole what was born since the last cycle, all members of it", () => {
    const growth = new Growth();
    cycle(growth, 10, {});
    assert.deepEqual(cycle(growth, 20, { "a/1": 70, "a/2": 3 }, { a: 15 }).grown, { "a/1": 70, "a/2": 3 });
    assert.deepEqual(
      cycle(growth, 30, { "b/1": 70 }, { b: 20 }).grown,
      {},
      "born at the last cycle itself: it may have been left out there",
    );
  });

  it("counts whole a new member of a group that the last cycle read, and not of one that it did not", () => {
    const growth = new Growth();
    cycle(growth, 10, { "a/1": 1, "b/1": 1 });
    assert.deepEqual(cycle(growth, 20, { "a/1": 1, "a/2": 40 }).grown, { "a/1": 0, "a/2": 40 });
    assert.deepEqual(cycle(growth, 30, { "b/1": 5, "b/2": 40 }).grown, { "b/1": 4 });
    assert.deepEqual(cycle(growth, 40, { "b/1": 5, "b/2": 41 }).grown, { "b/1": 0, "b/2": 1 });
  });

  it("takes a decrease for a reset: nothing, once, and from there on", () => {
    const growth = new Growth();
    cycle(growth, 10, { "a/1": 100 });
    assert.deepEqual(cycle(growth, 20, { "a/1": 30 }), { grown: {}, resets: 1 });
    assert.deepEqual(cycle(growth, 30, { "a/1": 35 }), { grown: { "a/1": 5 }, resets: 0 });
  });

  it("gives nothing of a reading in which only one counter went down", () => {
    const growth = new Growth();
    const read = (values: Record<string, number>) => {
      growth.begin(0);
      const grown = grownOf(growth, { group: "a", member: "1" }, values);
      return { grown, resets: growth.end() };
    };
    read({ bytes: 100, packets: 10 });
    assert.deepEqual(read({ bytes: 101, packets: 9 }), { grown: undefined, resets: 1 });
    assert.deepEqual(
      read({ bytes: 102, errors: 7 }),
      { grown: { bytes: 1 }, resets: 0 },
      "a counter that is new says nothing yet",
    );
  });

  it("takes one that was not read for a while up again where it stood", () => {
    const growth = new Growth();
    cycle(growth, 10, { "a/1": 100, "a/2": 1 });
    cycle(growth, 20, { "a/2": 1 });
    assert.deepEqual(cycle(growth, 30, { "a/1": 130, "a/2": 1 }).grown, { "a/1": 30, "a/2": 0 });
  });

  it("takes for new only what a whole reading did not have", () => {
    const growth = new Growth();
    const read = (now: number, members: Record<string, number>, partial: boolean) => {
      growth.begin(now);
      const grown = Object.entries(members).map(([member, bytes]) =>
        grownOf(growth, { group: "a", member, partial }, { bytes }),
      );
      growth.end();
      return grown;
    };
    read(10, { "1": 5 }, true);
    assert.deepEqual(read(20, { "1": 5, "2": 900 }, false), [{ bytes: 0 }, undefined]);
    assert.deepEqual(read(30, { "1": 5, "2": 901, "3": 40 }, false), [{ bytes: 0 }, { bytes: 1 }, { bytes: 40 }]);
  });

  it("forgets groups that are gone for long, and then takes them for old", () => {
    const growth = new Growth(3);
    cycle(growth, 10, { "a/1": 100 });
    for (const now of [20, 30]) cycle(growth, now, {});
    assert.deepEqual(cycle(growth, 40, { "a/1": 101 }).grown, { "a/1": 1 });
    for (const now of [50, 60, 70]) cycle(growth, now, {});
    assert.deepEqual(cycle(growth, 80, { "a/1": 500 }).grown, {});
  });

  it("forgets members beyond its bound, and then counts no new one whole", () => {
    const growth = new Growth();
    const many = Object.fromEntries(Array.from({ length: 1500 }, (_, i) => [`a/${i}`, 10]));
    cycle(growth, 10, many);
    assert.equal(Object.keys(cycle(growth, 20, many).grown).length, 1500, "as long as they are there, they are known");
    cycle(growth, 30, { "a/0": 10 });
    assert.deepEqual(cycle(growth, 40, { "a/0": 11, "a/1": 12 }).grown, { "a/0": 1 });
  });

  it("never makes more of the counters than they grew, whatever comes and goes", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.nat({ max: 2 ** 16 }), (steps, missed) => {
        const world = new World(missed);
        for (const one of steps) world.take(one);
        assert.ok(world.counted <= world.happened, `${world.counted} of ${world.happened}`);
      }),
      { numRuns: 500 },
    );
  });

  it("makes exactly of them what they grew by where nothing was missed", () => {
    fc.assert(
      fc.property(fc.array(calmStep, { maxLength: 120 }), (steps) => {
        const world = new World();
        for (const one of steps) world.take(one);
        world.take({ kind: "read", missed: 0 });
        assert.equal(world.counted, world.happened);
      }),
      { numRuns: 500 },
    );
  });
});

type Step = {
  readonly kind: "traffic" | "reset" | "vanish" | "connect" | "start" | "stop" | "read";
  readonly missed: number;
};

const kinds = (...names: readonly Step["kind"][]) =>
  fc.record({ kind: fc.constantFrom(...names), missed: fc.nat({ max: 2 ** 16 }) });
const step = kinds("traffic", "traffic", "traffic", "read", "read", "reset", "vanish", "connect", "start", "stop");
const calmStep = kinds("traffic", "traffic", "traffic", "connect", "start").chain((one) =>
  fc.constantFrom<Step>(one, { kind: "read", missed: 0 }),
);

interface Interface {
  readonly group: string;
  readonly bornAt: number;
  readonly member: string;
  value: number;
}

/** Namespaces with their interfaces, as they live; traffic before the first reading does not count. */
class World {
  counted = 0;
  happened = 0;
  readonly #growth = new Growth(4);
  readonly #made: Interface[] = [];
  #now = 1000;
  #serial = 0;
  #reading = false;

  constructor(firstMissed = 0) {
    for (const kind of ["start", "start", "connect", "traffic", "traffic", "traffic"] as const)
      this.take({ kind, missed: 1 });
    this.take({ kind: "read", missed: firstMissed });
  }

  take({ kind, missed }: Step): void {
    this.#now += 10;
    const one = this.#made[missed % Math.max(this.#made.length, 1)];
    if (kind === "read") this.#read(missed);
    else if (kind === "start") this.#add(`ns${this.#serial}`, this.#now);
    else if (one === undefined) return;
    else if (kind === "connect") this.#add(one.group, one.bornAt);
    else if (kind === "reset") one.value = 0;
    else if (kind === "traffic") this.#grow(one, missed + 1);
    else this.#remove((other) => (kind === "stop" ? other.group === one.group : other === one));
  }

  #grow(one: Interface, by: number): void {
    one.value += by;
    if (this.#reading) this.happened += by;
  }

  #add(group: string, bornAt: number): void {
    this.#made.push({ group, bornAt, member: `#${++this.#serial}`, value: 0 });
  }

  #remove(which: (one: Interface) => boolean): void {
    const left = this.#made.filter((one) => !which(one));
    this.#made.splice(0, this.#made.length, ...left);
  }

  /** Each bit of `missed` is a namespace, or an interface, that this cycle could not read. */
  #read(missed: number): void {
    this.#reading = true;
    this.#growth.begin(this.#now);
    for (const [i, { group, bornAt, member, value }] of this.#made.entries()) {
      if (hidesGroup(missed, group) || hidesMember(missed, i)) continue;
      const partial = this.#made.some((one, j) => one.group === group && hidesMember(missed, j));
      const grown = grownOf(this.#growth, { group, bornAt, member, partial }, { bytes: value })?.["bytes"] ?? 0;
      assert.ok(grown >= 0);
      this.counted += grown;
    }
    this.#growth.end();
  }
}

const hidesMember = (missed: number, index: number) => ((missed >> (index % 8)) & 1) === 1;
const hidesGroup = (missed: number, group: string) => ((missed >> (8 + (Number(group.slice(2)) % 8))) & 1) === 1;
