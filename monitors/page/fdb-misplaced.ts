import { defineMonitor } from "../definition.ts";

export const fdbMisplaced = defineMonitor({
  key: "fdb-misplaced",
  level: "page",
  priority: 1,
  name: "Overlay network loses packets: a container's MAC address is on the wrong port",
  about:
    "Told when the MAC address of a local container was on the vxlan port of its overlay's bridge, for most of 2 s each, at every measurement of the last minute. Frames to it leave the bridge the wrong way, so its traffic on this host is lost.",
  thresholds: { critical: 0 },
  // The number of containers that are misplaced all the time. Not by container: a broken network is one page, not forty.
  query: ({ metric, scope, critical }) =>
    `min(last_1m):sum:${metric("fdb.misplaced")}${scope()} by {host,docker_network} > ${critical}`,
  message: {
    means:
      "{{value}} local containers of the network {{docker_network.name}} on {{host.name}} had their MAC address on the bridge's vxlan port for more than half of the time, at every measurement of the last minute. Frames to them leave the bridge the wrong way: their traffic on this host is lost (moby#29024).",
    look: "Which containers: the tag `container_name` of `fdb.misplaced`, or `journalctl SYSLOG_IDENTIFIER=overlaywatch OVERLAYWATCH_KIND=misplaced`. Timeouts of their services that began at the same time are the damage.",
    run: [
      [
        "overlaywatch status",
        "whether the worker is at it, or waits for your `overlaywatch approve` (an hour, unless told)",
      ],
      ["overlaywatch doctor", "which rows are wrong, and what harms now"],
      ["overlaywatch cleanup", "the commands that heal it, as a dry run"],
      [
        "overlaywatch cleanup --apply",
        "heals it, proves that by pings, and undoes what did not help; after exit 20, 30, 31 or 40 its lines behind # say why",
      ],
    ],
  },
  // Its end is told: 0 for 5 minutes. Where the agent dies in the outage, the page stays.
  noData: "keep",
  // A call of the webhook that was lost is made up for; a person is reminded while packets are lost.
  renotify: 30,
  // The series is born with the fault: any delay would be one of the page.
  newGroupDelay: 0,
  // Datadog fills a window by parts of a minute: this one is full with its first point, and pages by it. No single flap is
  // such a point: each is a share of 2 s.
  fullWindow: true,
  webhook: true,
});
