import type { Clock } from "../host/host.ts";
import { randomFrom, textOf } from "./random.ts";

/** What all organisations of a stand-in share: time, ids, and where Datadog would be found. */
export interface World {
  readonly clock: Clock;
  readonly random: () => number;
  readonly appUrl: string;
  /** The next id of that kind; never given twice. */
  readonly nextId: (of: "monitor" | "event" | "widget") => number;
  /** Like `abc-def-ghi`. */
  readonly nextDashboardId: () => string;
  /** Now, as the API writes times: microseconds, no two alike. */
  readonly stamp: () => string;
  /** Ids go on behind those of a state that was loaded. */
  readonly skipTo: (ids: Readonly<Record<string, number>>) => void;
  readonly ids: () => Readonly<Record<string, number>>;
}

/** The same ids in the same order for the same seed. */
export function worldOf(clock: Clock, seed: number, appUrl: string): World {
  const random = randomFrom(seed);
  const ids = { monitor: 180_000_000, event: 7_000_000_000, widget: 4_000_000_000_000_000, stamp: 0 };
  const part = () => textOf(random, 3, "abcdefghijkmnpqrstuvwxyz23456789");
  return {
    clock,
    random,
    appUrl,
    nextId: (of) => ++ids[of],
    nextDashboardId: () => `${part()}-${part()}-${part()}`,
    stamp: () => isoTime(clock.now(), ids.stamp++ % 1000),
    skipTo: (found) => void Object.assign(ids, found),
    ids: () => ({ ...ids }),
  };
}

/** `2022-01-06T00:50:57.134096+00:00`, as recorded. */
function isoTime(ms: number, micros: number): string {
  return new Date(ms).toISOString().replace("Z", `${String(micros).padStart(3, "0")}+00:00`);
}
