import { defineMetrics } from "../../emit/metric.ts";

export const metrics = defineMetrics({
  "tcp.connections": {
    type: "gauge",
    unit: "connection",
    tags: ["state", "scope"],
    help: "TCP sockets in this state, IPv4 and IPv6 together; scope:host marks those of the host itself.",
    orientation: 0,
    quietAtZero: true,
  },
  "agent.tcp.source": {
    type: "gauge",
    unit: "item",
    tags: ["how"],
    help: "Network namespaces whose TCP sockets were counted by sock_diag (cheap) or as text (some milliseconds each).",
    orientation: 0,
    quietAtZero: true,
  },
});
