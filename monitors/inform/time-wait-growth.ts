import { defineMonitor } from "../definition.ts";

export const timeWaitGrowth = defineMonitor({
  key: "time-wait-growth",
  level: "inform",
  priority: 4,
  name: "TIME_WAIT sockets of a container grow",
  about:
    "Told when a container has thousands more sockets in TIME_WAIT than an hour ago. It opens a connection for each request, and may run out of ports.",
  // Sockets more than an hour ago; 28232 ports are there for outgoing connections to one address.
  thresholds: { critical: 5000, critical_recovery: 2000 },
  query: ({ metric, scope, critical }) =>
    `change(avg(last_5m),last_1h):sum:${metric("tcp.connections")}${scope("state:time_wait")} by {host,container_name} > ${critical}`,
  message: {
    means:
      "{{container_name.name}} on {{host.name}} has {{value}} more sockets in TIME_WAIT than an hour ago: it opens a new connection for each request. When it has no port left, its connects fail.",
    look: "`tcp.active_opens` of the container: does it use a pool, does something close each connection? `tcp.time_wait_overflows` tells when there was no room.",
    run: [
      ["overlaywatch check tcp netstat", "states and counters of each container, now"],
      ["nsenter -t PID -n ss -tn state time-wait", "to whom; PID is any of the container's"],
    ],
  },
  // Not sent while there are none, which is well.
  noData: "ok",
  // A trend is told once.
  renotify: "never",
  // An hour must be known before it can be compared: what comes from none at all is told from the second hour on, while it
  // grows.
  newGroupDelay: 3600,
  // The gauge is not sent while it stands at 0, so windows have gaps.
  fullWindow: false,
});
