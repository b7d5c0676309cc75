import { defineMonitor } from "../definition.ts";

export const interfaceDrops = defineMonitor({
  key: "interface-drops",
  level: "ticket",
  priority: 3,
  name: "A container's interface drops packets",
  about: "Told when a container's interface drops many packets: a slow reader, a wrong MTU, or a device that was down.",
  // In 10 minutes. A few at a start, and broadcasts that nobody takes, are everyday life.
  thresholds: { critical: 500, critical_recovery: 100 },
  // A counter that never moved has no series, and a sum with nothing is nothing: hence default_zero.
  query: ({ metric, scope, critical }) => {
    const of = (name: "net.drops_rcvd" | "net.drops_sent") =>
      `default_zero(sum:${metric(name)}${scope()} by {host,container_name,docker_network}.as_count())`;
    return `sum(last_10m):${of("net.drops_rcvd")} + ${of("net.drops_sent")} > ${critical}`;
  },
  message: {
    means:
      "{{value}} packets of {{container_name.name}} on {{host.name}} were dropped at its interface in the network {{docker_network.name}} in 10 minutes.",
    look: "Received: no room (a slow reader), too long for the MTU, or nobody took them. Sent: too long for the peer, or the device was down. Dropped on both sides of an overlay at once: compare the MTU of all hosts.",
    run: [
      ["overlaywatch check interfaces", "each interface of each container, now"],
      ["overlaywatch explain CONTAINER_A CONTAINER_B", "a packet's way between two of them, the MTU included"],
    ],
  },
  // The query itself makes a missing count 0.
  noData: "keep",
  // A ticket once is enough.
  renotify: "never",
  // What a start drops.
  newGroupDelay: 60,
  // One burst is a point.
  fullWindow: false,
});
