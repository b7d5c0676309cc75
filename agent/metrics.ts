import { defineMetrics } from "../emit/metric.ts";

/** What the agent tells about itself. */
export const agentMetrics = defineMetrics({
  "agent.collect.seconds": {
    type: "gauge",
    unit: "second",
    tags: ["collector"],
    help: "Time that the collector's last run took.",
    orientation: -1,
  },
  "agent.collect.outcome": {
    type: "count",
    unit: "execution",
    tags: ["collector", "outcome"],
    help: "Runs by outcome: ok, partial, absent, failed or timeout.",
    orientation: 0,
  },
  "agent.collect.skipped": {
    type: "count",
    unit: "container",
    tags: ["collector", "reason"],
    help: "Containers that a run left out for a normal reason: host_network, filtered, gone or unproven.",
    orientation: 0,
  },
  "agent.collect.resets": {
    type: "count",
    unit: "event",
    tags: ["collector"],
    help: "Counters that went down, and so started anew.",
    orientation: 0,
  },
  "agent.containers.unseen": {
    type: "count",
    unit: "container",
    tags: [],
    help: "Containers that came and went between two runs, so that their traffic is in no count.",
    orientation: -1,
  },
  "agent.docker.age": {
    type: "gauge",
    unit: "second",
    tags: [],
    help: "How long ago Docker last confirmed the list of containers.",
    orientation: -1,
  },
  "agent.docker.containers": {
    type: "gauge",
    unit: "container",
    tags: [],
    help: "Running containers in the inventory.",
    orientation: 0,
  },
  "agent.dropped": {
    type: "count",
    unit: "item",
    tags: ["sink", "reason"],
    help: "Samples that did not leave this host as they were, by reason; over_budget: summed per network.",
    orientation: -1,
  },
  "agent.series": {
    type: "gauge",
    unit: "item",
    tags: [],
    help: "Distinct series that this host sent within the last hour.",
    orientation: -1,
  },
});
