import assert from "node:assert/strict";
import { liveClock } from "../../host/clock.ts";
import { until } from "./until.ts";

describe("host/clock", () => {
  it("gives the time of day in milliseconds since the epoch, and another clock for durations", async () => {
    assert.ok(Math.abs(liveClock.now() - Date.now()) < 1000);
    const start = liveClock.monotonic();
    await until("time passes", () => liveClock.monotonic() > start);
  });
});
