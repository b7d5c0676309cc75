import type { gatewayMetrics } from "../../dispatch/gateway/metrics.ts";
import type { Seen } from "../../dispatch/nats/fleet.ts";
import { thereFor } from "../../dispatch/nats/pause-telling.ts";
import type { NamesOf } from "../../emit/metric.ts";
import type { Sample } from "../../emit/sample.ts";
import type { Outputs } from "../outputs.ts";

interface Standing {
  readonly isConnected: () => boolean;
  /** Signs of life, by host key. */
  readonly seen: ReadonlyMap<string, Pick<Seen, "at">>;
  readonly enrolled: () => number | undefined;
  readonly isPaused: () => boolean;
  /** Since it was asked last. */
  readonly openings: () => number;
}

export interface FleetMetrics {
  /** A job's hand-over took so many milliseconds. */
  readonly offered: (ms: number) => void;
  readonly deadLetter: (why: string) => void;
  /** Since the last time, and how things stand. */
  readonly samples: (now: number) => readonly Sample[];
  /** Sends what is left. */
  readonly close: () => void;
}

const sendEvery = 10_000;

/** Of the gateway's fleet, every 10 s. */
export function openFleetMetrics(outputs: Pick<Outputs, "writeSelf">, standing: () => Standing): FleetMetrics {
  const letters = new Map<string, number>();
  let longest: number | undefined;
  const samples = (now: number): readonly Sample[] => {
    const { isConnected, seen, enrolled, isPaused, openings } = standing();
    const [took, size] = [longest, enrolled()];
    longest = undefined;
    const told = [
      gauge("fleet.connected", Number(isConnected())),
      gauge("fleet.hosts_present", [...seen.values()].filter(({ at }) => now - at < thereFor).length),
      ...(size === undefined ? [] : [gauge("fleet.hosts_enrolled", size)]),
      gauge("fleet.paused", Number(isPaused())),
      count("fleet.breaker_openings", openings()),
      ...(took === undefined ? [] : [gauge("fleet.offer_seconds", took / 1000)]),
      ...[...letters].map(([reason, value]) => count("fleet.dead_letters", value, { reason })),
    ];
    for (const reason of letters.keys()) letters.set(reason, 0);
    return told;
  };
  const send = (): void => outputs.writeSelf(samples(Date.now()), Date.now());
  const timer = setInterval(send, sendEvery);
  return {
    offered: (ms) => {
      longest = Math.max(longest ?? 0, ms);
    },
    deadLetter: (why) => void letters.set(why, (letters.get(why) ?? 0) + 1),
    samples,
    close: () => {
      clearInterval(timer);
      send();
    },
  };
}

type Metrics = typeof gatewayMetrics;

const gauge = (name: NamesOf<Metrics, "gauge">, value: number): Sample => ({ name, type: "gauge", value, tags: {} });

const count = (
  name: NamesOf<Metrics, "count">,
  value: number,
  tags: Readonly<Record<string, string>> = {},
): Sample => ({
  name,
  type: "count",
  value,
  tags,
});
