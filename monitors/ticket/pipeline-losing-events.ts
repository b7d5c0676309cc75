import { defineMonitor } from "../definition.ts";

export const pipelineLosingEvents = defineMonitor({
  key: "pipeline-losing-events",
  level: "ticket",
  priority: 3,
  name: "Netlink events are lost before they are counted",
  about:
    "Told when netlink events were lost before they could be counted. Counts of events are too low then; whether containers are misplaced is still known.",
  thresholds: { critical: 0 },
  query: ({ metric, scope, critical }) =>
    `sum(last_15m):sum:${metric("netlink.lost")}${scope()} by {host,cause,socket}.as_count() > ${critical}`,
  message: {
    means:
      "{{value}} netlink events on {{host.name}} in 15 minutes are in no count (cause {{cause.name}}, socket {{socket.name}}). The tables are read anew after a loss, so `fdb.misplaced` stays true; the counts of events are too low.",
    look: "Cause `overrun`: the kernel's buffer was full, so there was a storm, or the recorder had no CPU. `suppressed`: journald's rate limit. `gap`: entries that never reached the journal, or left it before they were read.",
    run: [
      ["overlaywatch status", "how far recorder and follower are"],
      [
        "sysctl net.core.rmem_max",
        "overrun: a buffer of 8 MiB is asked for (pipeline.record.rcvbuf), and more than this is not given",
      ],
      ["journalctl --since -1h -u systemd-journald", "suppressed: which limit it was"],
    ],
  },
  // A count is not sent while nothing is lost.
  noData: "ok",
  // A storm is told once; a ticket is not closed by it.
  renotify: "never",
  // The series is born with the first loss.
  newGroupDelay: 0,
  // One point is a loss.
  fullWindow: false,
});
