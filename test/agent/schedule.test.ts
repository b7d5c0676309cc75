import assert from "node:assert/strict";
import { validate } from "node-cron";
import { cronText, every, offset } from "../../agent/schedule.ts";
import { until } from "../host/until.ts";

const intervals = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60];

/** The seconds of a minute that the first field of a cron text names. */
function secondsOf(text: string): readonly number[] {
  const [field = ""] = text.split(" ");
  const [, from = "0", to = from, step = "1"] = /^(\d+)(?:-(\d+)\/(\d+))?$/u.exec(field.replace("*", "0-59/1")) ?? [];
  const seconds: number[] = [];
  for (let second = Number(from); second <= Number(to); second += Number(step)) seconds.push(second);
  return seconds;
}

describe("agent/schedule", () => {
  it("writes even seconds of the minute for every interval and second", () => {
    for (const seconds of intervals) {
      for (let second = 0; second < seconds; second++) {
        const text = cronText(seconds * 1000, second);
        assert.ok(validate(text), text);
        const expected = Array.from({ length: 60 / seconds }, (_, i) => second + i * seconds);
        assert.deepEqual(secondsOf(text), expected, text);
      }
    }
  });

  it("gives a host a fixed second below the interval, and spreads hosts", () => {
    for (const seconds of intervals) {
      const drawn = Array.from({ length: 300 }, (_, i) => offset(`host-${i}`, seconds * 1000));
      assert.ok(drawn.every((second) => Number.isInteger(second) && second >= 0 && second < seconds));
      assert.deepEqual(
        drawn,
        Array.from({ length: 300 }, (_, i) => offset(`host-${i}`, seconds * 1000)),
      );
      if (seconds <= 15) assert.equal(new Set(drawn).size, seconds);
    }
  });

  it("never runs a job twice at once, says that it left one out, and goes on after one that failed", async () => {
    const releases: (() => void)[] = [];
    let [running, most, missed] = [0, 0, 0];
    const stop = every({
      name: "test",
      interval: 1000,
      host: "h",
      run: async () => {
        running++;
        most = Math.max(most, running);
        await new Promise<void>((resolve) => void releases.push(resolve));
        running--;
        throw new Error("of no interest to the others");
      },
      missed: () => missed++,
    });
    try {
      await until("it ran", () => releases.length === 1);
      await until("it came due again", () => missed >= 1);
      releases[0]?.();
      await until("it ran again", () => releases.length === 2);
      assert.equal(most, 1);
    } finally {
      releases.at(-1)?.();
      await stop();
    }
    const runs = releases.length;
    await new Promise((resolve) => setTimeout(resolve, 1100));
    assert.equal(releases.length, runs, "it is stopped");
  });
});
