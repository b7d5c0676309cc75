import { defineMonitor } from "../definition.ts";

export const netlinkEventsSpike = defineMonitor({
  key: "netlink-events-spike",
  level: "page",
  priority: 2,
  name: "Spike of netlink events in an overlay network",
  about:
    "Told when the namespace of an overlay network has far more netlink events than usual. Its rows go to and fro, as they do when containers of one host lose each other; a deployment makes events as well.",
  // In 5 minutes. The weakest outage that was measured (5 pings a second) makes 11 events a second: 3300. A network of
  // chatty containers on a classic engine can make more with nothing lost: then raise it, and trust fdb-misplaced.
  thresholds: { critical: 3000, critical_recovery: 2000 },
  query: ({ metric, scope, critical }) =>
    `sum(last_5m):sum:${metric("netlink.events")}${scope()} by {host,docker_network}.as_count() > ${critical}`,
  message: {
    means:
      "{{value}} netlink events in 5 minutes in the namespace of the network {{docker_network.name}} on {{host.name}} (threshold {{threshold}}). Rows of its tables go to and fro: in an outage by moby#29024 every frame makes some. It may be a busy day as well: only `fdb.misplaced` and active findings tell that packets are lost.",
    look: "The tags `object` and `action` of `netlink.events` (fdb and neigh with new and del are the outage's), `fdb.flaps` and `fdb.misplaced` of the same network, and whether containers were started or moved just then.",
    run: [
      ["overlaywatch doctor", "whether something harms now"],
      [
        "journalctl --since -10m SYSLOG_IDENTIFIER=overlaywatch OVERLAYWATCH_KIND=summary",
        "what there was, a minute each",
      ],
    ],
  },
  // A count is not sent while nothing happens.
  noData: "ok",
  // A person looks once. What lasts and harms is told by the others.
  renotify: "never",
  // A network that comes to a host brings its rows at once, and that is no spike.
  newGroupDelay: 300,
  // An event is a point: a window that waits for more would miss a short spike.
  fullWindow: false,
});
