import { collectors } from "../collectors/registry.ts";
import { workerMetrics } from "../dispatch/worker/metrics.ts";
import { gatewayMetrics } from "../dispatch/gateway/metrics.ts";
import type { MetricSpec, MetricTable } from "../emit/metric.ts";
import { pipelineMetrics } from "../pipelines/metrics.ts";
import { agentMetrics } from "./metrics.ts";

interface CatalogueEntry extends MetricSpec {
  /** Without the prefix. */
  readonly name: string;
  /** Collector, `agent`, `pipeline` or `worker`. */
  readonly room: string;
}

/** Every metric that can leave this program, joined from each room's own table. */
export function catalogue(): readonly CatalogueEntry[] {
  const tables: readonly (readonly [string, MetricTable])[] = [
    ["agent", agentMetrics],
    ["pipeline", pipelineMetrics],
    ["worker", workerMetrics],
    ["gateway", gatewayMetrics],
    ...collectors.map(({ name, metrics }) => [name, metrics] as const),
  ];
  return tables
    .flatMap(([room, table]) => Object.entries(table).map(([name, spec]) => ({ ...spec, name, room })))
    .toSorted((a, b) => a.name.localeCompare(b.name, "en"));
}

/** Gauges that are not sent while they stand at 0. */
export function quietGauges(): ReadonlySet<string> {
  return new Set(catalogue().flatMap(({ name, quietAtZero }) => (quietAtZero === true ? [name] : [])));
}

/** Gauges of which the worst counts where several series become one. */
export function worstGauges(): ReadonlySet<string> {
  return new Set(catalogue().flatMap(({ name, join }) => (join === "max" ? [name] : [])));
}

export function byteCounters(): ReadonlySet<string> {
  return new Set(catalogue().flatMap(({ name, type, unit }) => (type === "count" && unit === "byte" ? [name] : [])));
}
