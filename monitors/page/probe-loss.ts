import { defineMonitor } from "../definition.ts";

export const probeLoss = defineMonitor({
  key: "probe-loss",
  level: "page",
  priority: 2,
  name: "Containers do not answer over their overlay network",
  about:
    "Told when containers of an overlay network lose most of the pings that are sent to them. Who depends on them sees timeouts.",
  thresholds: { critical: 0.5, critical_recovery: 0.2 },
  // By container: each is pinged in turn, and an average over all would hide one among fifty. Only where the collector
  // reachability is enabled.
  query: ({ metric, scope, critical }) =>
    `avg(last_5m):avg:${metric("probe.loss")}${scope()} by {host,docker_network,container_name} > ${critical}`,
  // A broken network is one page, not forty.
  notifyBy: ["host", "docker_network"],
  message: {
    means:
      "Containers of the network {{docker_network.name}} have lost most of the pings that were sent to them from {{host.name}} in the last 5 minutes (share lost of the first: {{value}}).",
    look: "The tags `container_name` and `placement` of `probe.loss`. `local`: the bridge of this host, see `fdb.misplaced`. `remote` on one host only: rows of the vxlan device here. `remote` on all hosts: the other host, or the container itself.",
    run: [
      ["overlaywatch check reachability", "loss to each container, now"],
      ["overlaywatch explain CONTAINER_A CONTAINER_B", "a packet's way between two of them, to the first wrong hop"],
      ["overlaywatch doctor", "what is wrong in the tables"],
    ],
  },
  // Swarm replaces a container that does not answer by one of another name: the old one would page on for a day. Where the
  // agent dies in the outage this page ends too, and fdb-misplaced and active-findings stay.
  noData: "ok",
  // A person is reminded while packets are lost.
  renotify: 30,
  // A container that has only just been started does not answer yet.
  newGroupDelay: 300,
  // Where there are many containers, each has a point a minute or so: a full window would never come.
  fullWindow: false,
});
