import { defineMonitor } from "../definition.ts";

export const retransmissionRate = defineMonitor({
  key: "retransmission-rate",
  level: "inform",
  priority: 4,
  name: "A container sends many TCP segments again",
  about: "Told when a container sends many TCP segments again. Packets are lost on the way, or come too late.",
  // Percent of the segments sent.
  thresholds: { critical: 5, critical_recovery: 2 },
  // 1000 segments are added below: of a container that sent ten, one lost is no rate.
  query: ({ metric, scope, critical }) => {
    const of = (name: "tcp.retrans_segs" | "tcp.out_segs") =>
      `sum:${metric(name)}${scope()} by {host,container_name}.as_count()`;
    return `sum(last_15m):(${of("tcp.retrans_segs")} / (${of("tcp.out_segs")} + 1000)) * 100 > ${critical}`;
  },
  message: {
    means:
      "{{container_name.name}} on {{host.name}} sent {{value}} % of its TCP segments again in 15 minutes: packets of it, or the answers, are lost on the way, or come too late.",
    look: "One container: its peer. All containers of one host: that host's underlay, or its overlay's tables (`fdb.misplaced`, `overlay.findings`). All hosts: the network between them.",
    run: [
      ["overlaywatch check netstat", "the counters of each container, now"],
      ["overlaywatch explain CONTAINER_A CONTAINER_B", "a packet's way between two of them, to the first wrong hop"],
    ],
  },
  // A count is not sent while nothing is sent again.
  noData: "ok",
  // A trend is told once.
  renotify: "never",
  // What a start sends again.
  newGroupDelay: 300,
  // A count that stands still leaves gaps.
  fullWindow: false,
});
