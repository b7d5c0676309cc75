import { defineMonitor } from "../definition.ts";

export const closeWaitGrowth = defineMonitor({
  key: "close-wait-growth",
  level: "inform",
  priority: 4,
  name: "CLOSE_WAIT sockets of a container grow",
  about:
    "Told when a container has more sockets in CLOSE_WAIT than an hour ago. It does not close what the other side has closed, and will run out of file descriptors.",
  // Sockets more than an hour ago: CLOSE_WAIT has no timer, so each waits for its program.
  thresholds: { critical: 100, critical_recovery: 50 },
  query: ({ metric, scope, critical }) =>
    `change(avg(last_5m),last_1h):sum:${metric("tcp.connections")}${scope("state:close_wait")} by {host,container_name} > ${critical}`,
  message: {
    means:
      "{{container_name.name}} on {{host.name}} has {{value}} more sockets in CLOSE_WAIT than an hour ago: the other side has closed, and the program does not. It leaks connections, and will run out of file descriptors.",
    look: "Whether it began with a release, and whether an outage came before: clients that gave up leave such sockets where a program does not read.",
    run: [
      ["overlaywatch check tcp", "states of each container, now"],
      [
        "nsenter -t PID -n ss -tnp state close-wait",
        "which process, and whose connections; PID is any of the container's",
      ],
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
