import { defineMonitor } from "../definition.ts";

export const probeLoss = defineMonitor({
  key: "probe-loss",
  level: "page",
  priority: 2,
  name: "A container does not answer over its overlay network",
  thresholds: { critical: 0.5, critical_recovery: 0.2 },
  // The worst container of each network: an average over all would hide one among fifty. Only where the collector
  // reachability is enabled; there each container is pinged in turn.
  query: ({ metric, scope, critical }) =>
    `min(last_3m):max:${metric("probe.loss")}${scope()} by {host,docker_network} > ${critical}`,
  message: {
    means:
      "For 3 minutes at least one container of the network {{docker_network.name}} has not answered most of the pings that were sent from {{host.name}} (share lost: {{value}}).",
    look: "The tags `container_name` and `placement` of `probe.loss`. `local`: the bridge of this host, see `fdb.misplaced`. `remote` on one host only: rows of the vxlan device here. `remote` on all hosts: the other host, or the container itself.",
    run: [
      ["overlaywatch check reachability", "loss to each container, now"],
      ["overlaywatch explain CONTAINER_A CONTAINER_B", "a packet's way between two of them, to the first wrong hop"],
      ["overlaywatch doctor", "what is wrong in the tables"],
    ],
  },
  // A probe is told every cycle, also when it is well again. Where the agent dies, the page stays.
  noData: "keep",
  // A person is reminded while packets are lost.
  renotify: 30,
  // A network whose first container has only just been started.
  newGroupDelay: 60,
  // For 3 minutes, not in the first sample.
  fullWindow: true,
});
