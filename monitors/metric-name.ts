import type { metrics as interfaces } from "../collectors/interfaces/metrics.ts";
import type { metrics as netstat } from "../collectors/netstat/metrics.ts";
import type { metrics as overlay } from "../collectors/overlay/metrics.ts";
import type { metrics as reachability } from "../collectors/reachability/metrics.ts";
import type { metrics as tcp } from "../collectors/tcp/metrics.ts";
import type { pipelineMetrics } from "../pipelines/metrics.ts";

type Tables = typeof interfaces &
  typeof netstat &
  typeof overlay &
  typeof reachability &
  typeof tcp &
  typeof pipelineMetrics;

/** Every metric that a definition may name, without the prefix: a misspelt one does not compile. */
export type MetricName = keyof Tables;
