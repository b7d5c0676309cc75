import assert from "node:assert/strict";
import { randomFrom } from "../../../standin/random.ts";
import { plainQueryOf } from "../../../standin/evaluation/plain-query.ts";
import { bucket, Store } from "../../../standin/evaluation/store.ts";
import { aggregate, endOf, isFull, pointsOf } from "../../../standin/evaluation/window.ts";
import { parseLine } from "../../../emit/dogstatsd/parse.ts";

interface Raw {
  readonly at: number;
  readonly type: "c" | "g";
  readonly series: string;
  readonly value: number;
}

const start = 1_767_323_040_000;

/** The same arithmetic as the documents tell it, from the raw samples and without thinking of speed. */
function slowly(
  raw: readonly Raw[],
  minutes: number,
  space: string,
  time: string,
  asCount: boolean,
  now: number,
  delay: number,
) {
  let end = start - 3_600_000;
  while (end + 10_000 <= now - delay) end += 10_000;
  const values: number[] = [];
  for (let from = end - minutes * 60_000; from < end; from += 10_000) {
    const here: number[] = [];
    for (const series of new Set(raw.map((one) => one.series))) {
      const own = raw.filter((one) => one.series === series && one.at >= from && one.at < from + 10_000);
      if (own.length === 0) continue;
      if (own[0]!.type === "g") here.push(own[own.length - 1]!.value);
      else here.push(own.map(({ value }) => value).reduce((a, b) => a + b, 0) / (asCount ? 1 : 10));
    }
    if (here.length > 0) values.push(slow(space, here));
  }
  return values.length === 0 ? undefined : slow(time, values);
}

function slow(how: string, values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const sum = values.reduce((a, b) => a + b, 0);
  return { min: sorted[0]!, max: sorted.at(-1)!, sum, avg: sum / values.length }[how]!;
}

const near = (a: number | undefined, b: number | undefined) =>
  a === b || (a !== undefined && b !== undefined && Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b)));

const isFullWith = (unit: "m" | "h", size: number, filled: readonly number[]) => {
  const window = (unit === "m" ? 60_000 : 600_000) * size;
  const step = window / size;
  const points = new Map(
    filled.flatMap((part) => [[start + part * step, 1] as const, [start + (part + 1) * step - bucket, 1] as const]),
  );
  return isFull(points, { window, unit }, start + window);
};

describe("standin/evaluation/window", () => {
  it("is the slow and obvious arithmetic, whatever the samples, the window and the moment", () => {
    let judged = 0;
    for (let seed = 1; seed <= 300; seed++) {
      const random = randomFrom(seed);
      const whole = (most: number) => Math.floor(random() * most);
      const type = random() < 0.5 ? "c" : "g";
      const raw = Array.from({ length: whole(80) }, (): Raw => {
        return { at: start + whole(900_000), type, series: `s:${whole(4)}`, value: whole(100) };
      }).toSorted((a, b) => a.at - b.at);
      let now = start;
      const store = new Store({ now: () => now, hostname: "h" });
      for (const { at, series, value } of raw) {
        now = at;
        const line = parseLine(`m:${value}|${type}|#${series}`);
        assert.ok(line.kind === "metric");
        store.take(line);
      }
      now = start + whole(1_200_000);
      const [minutes, delay] = [1 + whole(10), whole(3) * 35_000];
      const [time, space] = [["avg", "max", "min", "sum"][whole(4)]!, ["avg", "max", "min", "sum"][whole(4)]!];
      const asCount = random() < 0.5;
      const query = plainQueryOf(
        "query alert",
        `${time}(last_${minutes}m):${space}:m{*}${asCount ? ".as_count()" : ""} > 1`,
      );
      assert.ok(typeof query === "object");
      const points = [...pointsOf(store.of("m"), query, endOf(now, delay)).values()];
      const got = points.length === 0 ? undefined : aggregate(query.time, points);
      const want = slowly(raw, minutes, space, time, asCount, now, delay);
      assert.ok(near(got, want), `seed ${seed}: ${got} in place of ${want}`);
      if (want !== undefined) judged++;
    }
    assert.ok(judged > 150, `only ${judged} of 300 windows held a point`);
  });

  it("is full as the documents tell: a point in the first part, three empty parts at most", () => {
    const all = Array.from({ length: 12 }, (_, i) => i);
    const without = (...gone: readonly number[]) => all.filter((one) => !gone.includes(one));
    // The four cases of the document, of two hours.
    assert.equal(isFullWith("h", 12, all), true);
    assert.equal(isFullWith("h", 12, without(0)), false);
    assert.equal(isFullWith("h", 12, without(2, 3, 4)), true);
    assert.equal(isFullWith("h", 12, without(1, 2, 3, 8, 9)), false);
    assert.equal(isFullWith("m", 12, without(1, 2, 3, 4)), false);
    assert.equal(isFullWith("m", 1, [0]), true);
    assert.equal(isFullWith("m", 2, [1]), false);
  });
});
