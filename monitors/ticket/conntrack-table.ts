import { defineMonitor } from "../definition.ts";

export const conntrackTable = defineMonitor({
  key: "conntrack-table",
  level: "ticket",
  priority: 3,
  name: "Connection tracking table of the host is nearly full",
  about:
    "Told when a host tracks more than 80 % of the connections that it may track. When the table is full, packets of new connections are dropped.",
  thresholds: { critical: 80, critical_recovery: 75 },
  query: ({ metric, scope, critical }) =>
    `avg(last_10m):(max:${metric("overlay.conntrack_entries")}${scope()} by {host} / max:${metric("overlay.conntrack_limit")}${scope()} by {host}) * 100 > ${critical}`,
  message: {
    means:
      "{{host.name}} tracks {{value}} % of the connections that it may track (nf_conntrack_max). When the table is full, packets of new connections are dropped: published ports and services time out at random.",
    look: "`overlay.conntrack_entries` over the last days: a slow growth is load, a jump is a client or a scan. `tcp.connections` by `state` and `container_name` says whose.",
    run: [
      ["overlaywatch check tcp", "connections by container and state, now"],
      ["conntrack -S", "whether packets were dropped already (insert_failed, drop)"],
      ["sysctl net.netfilter.nf_conntrack_max", "the limit in force; raise it with -w NAME=VALUE"],
    ],
  },
  // The count is not sent while it stands at 0, which is no danger.
  noData: "keep",
  // It grows slowly, a ticket once is enough.
  renotify: "never",
  // A host that has only just booted.
  newGroupDelay: 300,
  // An average of few points says nothing of a trend, but to wait for a full window after each restart helps nobody.
  fullWindow: false,
});
