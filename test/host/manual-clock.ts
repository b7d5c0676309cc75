import type { Clock } from "../../host/host.ts";

export interface ManualClock extends Clock {
  readonly advance: (ms: number) => void;
}

/** Stands still until it is advanced. */
export function manualClock(start: number): ManualClock {
  let passed = 0;
  return {
    now: () => start + passed,
    monotonic: () => passed,
    advance: (ms) => {
      passed += ms;
    },
  };
}
