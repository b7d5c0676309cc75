import { appendFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

/**
 * For `NODE_OPTIONS=--import`: writes, each second, how long the process under test held its event loop: a line with
 * `{max, p99}` in milliseconds, to the file that LOOP_PROBE names.
 */
const file = process.env["LOOP_PROBE"];
// Threads load it too: what they hold is their own.
if (file !== undefined && isMainThread) {
  const resolution = 2;
  const delay = monitorEventLoopDelay({ resolution });
  delay.enable();
  // What it records is the time between two ticks of its own timer: the timer's part is not the program's.
  const held = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - resolution);
  setInterval(() => {
    appendFileSync(file, `${JSON.stringify({ max: held(delay.max), p99: held(delay.percentile(99)) })}\n`);
    delay.reset();
  }, 1000).unref();
}
