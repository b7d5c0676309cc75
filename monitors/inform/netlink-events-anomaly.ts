import { defineMonitor } from "../definition.ts";

/** The window that is judged: query and option must agree. */
const window = "last_15m";

export const netlinkEventsAnomaly = defineMonitor({
  key: "netlink-events-anomaly",
  level: "inform",
  priority: 5,
  name: "Netlink events of an overlay network are unusual",
  about:
    "Told when an overlay network has more netlink events than it usually has at this hour. No fault by itself; it is there to be seen beside one.",
  // The share of the window that is out of bounds.
  thresholds: { critical: 0.8, critical_recovery: 0.1 },
  // agile: a deployment changes the level for good, and it learns that soonest. 4 deviations: counts are bursty. Only
  // above: less than usual is no fault.
  query: ({ metric, scope, critical }) =>
    `avg(last_4h):anomalies(sum:${metric("netlink.events")}${scope()} by {host,docker_network}.as_count(), 'agile', 4, direction='above', interval=60, alert_window='${window}', count_default_zero='true', seasonality='hourly') >= ${critical}`,
  message: {
    means:
      "For 15 minutes the network {{docker_network.name}} on {{host.name}} has had more netlink events than it usually has at this hour. By itself that is no fault; it is there to be seen beside one.",
    look: "Deployments and restarts of that time, `fdb.moves` and `fdb.flaps` of the network.",
    run: [["overlaywatch doctor", "whether something harms now"]],
  },
  // A count is not sent while nothing happens; count_default_zero makes it 0.
  noData: "keep",
  // Nobody is to be told twice of what is no fault.
  renotify: "never",
  // It has to learn what is usual first.
  newGroupDelay: 3600,
  // An anomaly's window has gaps where a count stood still.
  fullWindow: false,
  thresholdWindows: { trigger_window: window, recovery_window: window },
});
