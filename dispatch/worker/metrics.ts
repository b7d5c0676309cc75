import { defineMetrics } from "../../emit/metric.ts";

export const workerMetrics = defineMetrics({
  "worker.jobs": {
    type: "count",
    unit: "task",
    tags: ["state", "source"],
    help: "Jobs that came to a state: waiting, approval, working, and the ends healthy, observed, healed, refused, escalated, cancelled, expired. Source: datadog or host.",
    orientation: 0,
  },
  "worker.job_seconds": {
    type: "gauge",
    unit: "second",
    tags: ["state", "source"],
    help: "How long the last job took from when it was accepted to its end.",
    orientation: -1,
  },
  "worker.waiting": {
    type: "gauge",
    unit: "task",
    tags: [],
    help: "Jobs that have no end yet, those that wait for approval too.",
    orientation: -1,
  },
});
