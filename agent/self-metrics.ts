import type { NamesOf } from "../emit/metric.ts";
import type { Sample, Tags } from "../emit/sample.ts";
import type { CycleResult } from "./collect.ts";
import type { agentMetrics } from "./metrics.ts";
import type { Outputs } from "./outputs.ts";
import type { Session } from "./session.ts";

type Metrics = typeof agentMetrics;

/** What the agent has to say of itself after each run of a collector. */
export function selfMetrics(session: Session, outputs: Outputs): (result: CycleResult) => readonly Sample[] {
  const grown = grownSince();
  return (result) => {
    const samples: Sample[] = [];
    const gauge = (name: NamesOf<Metrics, "gauge">, value: number, tags: Tags = {}) =>
      void samples.push({ name, type: "gauge", value, tags });
    const count = (name: NamesOf<Metrics, "count">, value: number, tags: Tags = {}) =>
      void (value === 0 || samples.push({ name, type: "count", value, tags }));
    const { collector, outcome, seconds, skipped, resets } = result;
    gauge("agent.collect.seconds", seconds, { collector });
    count("agent.collect.outcome", 1, { collector, outcome });
    count("agent.collect.resets", resets, { collector });
    for (const [reason, by] of Object.entries(skipped)) count("agent.collect.skipped", by, { collector, reason });
    const { asOf, state, containers } = session.docker.inventory();
    if (state !== "never") {
      gauge("agent.docker.age", Math.max(0, (session.host.clock.now() - asOf) / 1000));
      gauge("agent.docker.containers", containers.length);
    }
    count("agent.containers.unseen", grown("unseen", session.unseen()));
    gauge("agent.series", outputs.series());
    for (const [sink, reason, total] of outputs.dropped())
      count("agent.dropped", grown(`${sink} ${reason}`, total), { sink, reason });
    return samples;
  };
}

function grownSince(): (key: string, total: number) => number {
  const last = new Map<string, number>();
  return (key, total) => {
    const by = total - (last.get(key) ?? 0);
    last.set(key, total);
    return by;
  };
}
