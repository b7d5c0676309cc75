import { defineMonitor } from "../definition.ts";

export const heartbeatSilent = defineMonitor({
  key: "heartbeat-silent",
  level: "ticket",
  priority: 3,
  name: "The recorder of netlink events is silent",
  about:
    "Told when nobody has recorded netlink events on a host for 10 minutes, or nothing comes from it at all. Faults of its overlay networks would not be seen.",
  // Seconds.
  thresholds: { critical: 600, critical_recovery: 60 },
  query: ({ metric, scope, critical }) =>
    `max(last_10m):max:${metric("pipeline.heartbeat.age")}${scope()} by {host} > ${critical}`,
  message: {
    means:
      "{{^is_no_data}}The recorder on {{host.name}} has not written a heartbeat for {{value}} s.{{/is_no_data}}{{#is_no_data}}Nothing has come from the follower on {{host.name}} for 10 minutes: it, the Datadog agent or the host is down.{{/is_no_data}} Meanwhile nobody sees a misplaced container there: no page about it is no news.",
    look: "Whether other metrics of the host go on (then it is only overlaywatch), and the service check `overlaywatch.pipeline.health`.",
    run: [
      ["overlaywatch status", "which half does not run, and its last error"],
      ["journalctl -n 50 SYSLOG_IDENTIFIER=overlaywatch", "the last that was recorded"],
    ],
  },
  // Where the follower is dead too nothing comes at all, and that is worse. A host that was taken down on purpose is
  // told once; mute or remove it.
  noData: "notify",
  // A ticket once is enough.
  renotify: "never",
  // A host that boots starts its engine first.
  newGroupDelay: 600,
  // Its age says by itself for how long: one point over it is enough. The window is that of missing data.
  fullWindow: false,
});
