import { defineMetrics } from "../../emit/metric.ts";

export const metrics = defineMetrics({
  "probe.loss": {
    type: "gauge",
    unit: "fraction",
    tags: ["docker_network", "container_name", "placement"],
    help: "Share of pings to this container that were lost, 0 to 1, from another container of this host or its load balancer.",
    orientation: -1,
    join: "max",
  },
  "probe.rtt": {
    type: "gauge",
    unit: "second",
    tags: ["docker_network", "container_name", "placement"],
    help: "Median round trip of the pings that were answered.",
    orientation: -1,
    join: "max",
  },
});
