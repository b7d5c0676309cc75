import assert from "node:assert/strict";
import { refresher } from "../../../host/docker/refresh.ts";
import { until } from "../until.ts";

const setUp = (concurrency: number, coalesceMs = 5) => {
  const ends = new Map<string, () => void>();
  const begun: string[] = [];
  const stop = new AbortController();
  const refresh = async (key: string): Promise<void> => {
    begun.push(key);
    await new Promise<void>((resolve) => ends.set(key, resolve));
    if (key === "bad") throw new Error("a reading that fails");
  };
  return { ends, begun, stop, ...refresher({ concurrency, coalesceMs, refresh, signal: stop.signal }) };
};

describe("host/docker/refresh", () => {
  it("shares a reading that has not begun, and begins another where one runs", async () => {
    const { mark, ends, begun } = setUp(4);
    const first = [mark("a"), mark("a"), mark("a")];
    await until("begun", () => begun.length === 1);
    let later = false;
    const second = mark("a", "urgent").then(() => (later = true));
    ends.get("a")?.();
    await Promise.all(first);
    assert.equal(later, false);
    await until("begun again", () => begun.length === 2);
    ends.get("a")?.();
    await second;
  });

  it("begins urgent ones at once, others after their time, and goes on after one that fails", async () => {
    const { mark, ends, begun } = setUp(1, 20);
    const slow = mark("slow");
    const bad = mark("bad", "urgent");
    assert.deepEqual(begun, ["bad"]);
    ends.get("bad")?.();
    await bad;
    await until("slow begun", () => begun.length === 2);
    ends.get("slow")?.();
    await slow;
  });

  it("begins nothing after its end, and leaves nobody waiting", async () => {
    const { mark, ends, begun, stop } = setUp(1);
    const waits = [mark("a", "urgent"), mark("b", "urgent"), mark("c")];
    stop.abort();
    await Promise.all(waits.slice(1));
    await mark("d", "urgent");
    ends.get("a")?.();
    await waits[0];
    assert.deepEqual(begun, ["a"]);
  });
});
