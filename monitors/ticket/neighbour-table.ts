import { defineMonitor } from "../definition.ts";

export const neighbourTable = defineMonitor({
  key: "neighbour-table",
  level: "ticket",
  priority: 3,
  name: "Neighbour table of the host is nearly full",
  about:
    "Told when the neighbour (ARP) tables of a host are more than 80 % full. When they are full, new connections fail on the host and in all its containers.",
  thresholds: { critical: 80, critical_recovery: 75 },
  query: ({ metric, scope, critical }) =>
    `avg(last_10m):(max:${metric("overlay.neighbour_entries")}${scope()} by {host} / max:${metric("overlay.neighbour_limit")}${scope()} by {host}) * 100 > ${critical}`,
  message: {
    means:
      'The neighbour rows of all namespaces of {{host.name}} take {{value}} % of what the kernel allows (gc_thresh3). When it is full, new connections to any address fail with "No buffer space available", in every container and on the host itself.',
    look: "`overlay.neighbours` by `docker_network` says which network grows, and whether containers were added lately. Overlay networks keep a row for each container of the whole cluster.",
    run: [
      ["overlaywatch doctor", "the limit, what fills it, and the command that raises it"],
      ["sysctl net.ipv4.neigh.default.gc_thresh3", "the limit in force"],
    ],
  },
  // Told every cycle: where nothing comes, the heartbeat's monitor says so.
  noData: "keep",
  // It grows slowly, a ticket once is enough.
  renotify: "never",
  // A host that has only just booted fills its table.
  newGroupDelay: 300,
  // An average of few points says nothing of a trend, but to wait for a full window after each restart helps nobody.
  fullWindow: false,
});
