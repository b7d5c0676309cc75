import { defineMonitor } from "../definition.ts";

export const remedyFailed = defineMonitor({
  key: "remedy-failed",
  level: "page",
  priority: 2,
  name: "Healing an overlay network failed",
  about:
    "Told when a cleanup of an overlay network was verified and did not help, so that it was undone, or failed altogether. The fault is still there and needs a person.",
  thresholds: { critical: 0 },
  query: ({ metric, scope, critical }) =>
    `sum(last_10m):sum:${metric("remedy.runs")}${scope("outcome IN (failed,undone)")} by {host,strategy}.as_count() > ${critical}`,
  message: {
    means:
      "A cleanup by the strategy {{strategy.name}} on {{host.name}} did not cure what it was to cure: it was verified, and undone; or even that failed. The fault is still there, and nothing more is tried by itself for a while.",
    look: "The tag `outcome` of `remedy.runs` (undone: all is as it was before; failed: not even that is sure), and what else pages for this host.",
    run: [
      [
        "journalctl --since -1h SYSLOG_IDENTIFIER=overlaywatch OVERLAYWATCH_KIND=remedy",
        "each step, and why it failed",
      ],
      ["overlaywatch doctor", "what is wrong now"],
      ["overlaywatch cleanup --strategy clean", "another strategy, as a dry run"],
      ["overlaywatch undo FILE", "puts back what that cleanup changed; it named the file"],
      ["overlaywatch pause --for 2h --reason TEXT", "nothing heals by itself meanwhile"],
    ],
  },
  // A count is not sent while nothing happens.
  noData: "ok",
  // It happened; telling it again would not be news.
  renotify: "never",
  // The series is born with the first failure.
  newGroupDelay: 0,
  // One point is all there is.
  fullWindow: false,
});
