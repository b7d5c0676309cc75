import { defineMonitor } from "../definition.ts";

export const listenOverflows = defineMonitor({
  key: "listen-overflows",
  level: "ticket",
  priority: 3,
  name: "A container loses connections: its accept queue overflows",
  about:
    "Told when a container throws connections away because its listener's accept queue is full. Clients see timeouts, and it looks like a network fault.",
  // In 10 minutes: a few at a start are forgiven.
  thresholds: { critical: 10, critical_recovery: 5 },
  query: ({ metric, scope, critical }) =>
    `sum(last_10m):sum:${metric("tcp.listen_overflows")}${scope()} by {host,container_name}.as_count() > ${critical}`,
  message: {
    means:
      "{{value}} connections to {{container_name.name}} on {{host.name}} were thrown away in 10 minutes: its listener's queue was full. Clients see timeouts and slow connects, and it looks like a network fault.",
    look: "CPU and event loop of the container, `tcp.listen_drops`, `tcp.passive_opens` and `tcp.connections` by state. The queue is as long as the smaller of the program's backlog and net.core.somaxconn of its namespace.",
    run: [
      ["overlaywatch check netstat", "the container's TCP counters, now"],
      ["nsenter -t PID -n ss -ltn", "Recv-Q is the queue, Send-Q its length; PID is any of the container's"],
    ],
  },
  // A count is not sent while nothing happens.
  noData: "ok",
  // A ticket once is enough.
  renotify: "never",
  // The series is born with the first loss; what a start loses is below the threshold.
  newGroupDelay: 0,
  // One burst is a point.
  fullWindow: false,
});
