import { defineMonitor } from "../definition.ts";

export const interfaceErrors = defineMonitor({
  key: "interface-errors",
  level: "ticket",
  priority: 3,
  name: "A container's interface has errors",
  about:
    "Told when a container's interface has errors. Veth interfaces have none by nature, so something below is wrong.",
  // In 10 minutes. A veth pair has none by nature.
  thresholds: { critical: 10, critical_recovery: 5 },
  // A counter that never moved has no series, and a sum with nothing is nothing: hence default_zero.
  query: ({ metric, scope, critical }) => {
    const of = (name: "net.errors_rcvd" | "net.errors_sent") =>
      `default_zero(sum:${metric(name)}${scope()} by {host,container_name,docker_network}.as_count())`;
    return `sum(last_10m):${of("net.errors_rcvd")} + ${of("net.errors_sent")} > ${critical}`;
  },
  message: {
    means:
      "{{value}} packets of {{container_name.name}} on {{host.name}} had an error at its interface in the network {{docker_network.name}} in 10 minutes. Veth interfaces have none by nature: something is wrong below it.",
    look: "`overlay.device.errors_rcvd` and `_sent` of the same network: errors of the vxlan device are the underlay's (its MTU, no route to the other host). And errors of the host's own interface.",
    run: [
      ["overlaywatch check interfaces overlay", "containers and the networks' devices, now"],
      ["overlaywatch explain CONTAINER_A CONTAINER_B", "a packet's way between two of them"],
      ["ip -s link", "the host's own interfaces"],
    ],
  },
  // The query itself makes a missing count 0.
  noData: "keep",
  // A ticket once is enough.
  renotify: "never",
  // The series is born with the first error.
  newGroupDelay: 0,
  // One burst is a point.
  fullWindow: false,
});
