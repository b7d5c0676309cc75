import { defineMetrics } from "../../emit/metric.ts";

/** What the gateway tells about itself. */
export const gatewayMetrics = defineMetrics({
  "webhook.requests": {
    type: "count",
    unit: "request",
    tags: ["code", "reason"],
    help: "Requests to the gateway by status code and what became of them; code 0: closed without an answer.",
    orientation: 0,
  },
  "fleet.connected": {
    type: "gauge",
    unit: "connection",
    tags: [],
    help: "Whether the gateway is connected to the broker of its fleet: 1 or 0.",
    orientation: 1,
  },
  "fleet.hosts_present": {
    type: "gauge",
    unit: "host",
    tags: [],
    help: "Hosts of the fleet that gave a sign of life within the last minute.",
    orientation: 1,
  },
  "fleet.hosts_enrolled": {
    type: "gauge",
    unit: "host",
    tags: [],
    help: "Hosts that have a place at the broker.",
    orientation: 0,
  },
  "fleet.paused": {
    type: "gauge",
    unit: "unit",
    tags: [],
    help: "Whether the whole fleet is paused, by a person or its breaker: 1 or 0.",
    orientation: -1,
  },
  "fleet.breaker_openings": {
    type: "count",
    unit: "event",
    tags: [],
    help: "How often the breaker has paused the whole fleet, for too many hosts asked for healing at once.",
    orientation: -1,
  },
  "fleet.offer_seconds": {
    type: "gauge",
    unit: "second",
    tags: [],
    help: "The longest that a job took to the disk of the broker and back, of those handed over within the last 10 s.",
    orientation: -1,
  },
  "fleet.dead_letters": {
    type: "count",
    unit: "task",
    tags: ["reason"],
    help: "Jobs that came to no good at the broker. Reason: not-taken (still waits, the host may be away), turned-away (the host does not do it), undelivered (its worker could not keep it).",
    orientation: -1,
  },
});
