import type { Clock } from "./host.ts";

/** The machine's own clocks. */
export const liveClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
