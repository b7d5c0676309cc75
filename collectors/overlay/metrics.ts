import { defineMetrics } from "../../emit/metric.ts";

const network = ["docker_network"] as const;
const count = (unit: string, help: string, orientation: -1 | 0 = 0) =>
  ({ type: "count", unit, tags: ["docker_network", "device"], help, orientation }) as const;
const gauge = (unit: string, tags: readonly string[], help: string, orientation: -1 | 0 = 0) =>
  ({ type: "gauge", unit, tags, help, orientation }) as const;

export const metrics = defineMetrics({
  "overlay.findings": {
    ...gauge(
      "item",
      ["docker_network", "class", "state"],
      "What is wrong in the tables of an overlay network: latent could do harm, active does now, mitigated is pinned.",
      -1,
    ),
    quietAtZero: true,
  },
  "overlay.fdb_rows": gauge("item", network, "Forwarding rows in the namespace of an overlay network."),
  "overlay.neighbours": gauge("item", network, "Neighbour (ARP) rows in the namespace of an overlay network."),
  "overlay.pins": {
    ...gauge("item", network, "Local containers whose bridge row is pinned to their port."),
    quietAtZero: true,
  },
  "overlay.neighbour_entries": gauge("item", [], "Neighbour rows of all namespaces of the host together."),
  "overlay.neighbour_limit": gauge("item", [], "How many neighbour rows the host may have (gc_thresh3)."),
  "overlay.conntrack_entries": {
    ...gauge("connection", [], "Connections that the host's own namespace tracks."),
    quietAtZero: true,
  },
  "overlay.conntrack_limit": gauge("connection", [], "How many connections may be tracked (nf_conntrack_max)."),
  "overlay.device.bytes_rcvd": count("byte", "Bytes that a bridge or vxlan device of an overlay network received."),
  "overlay.device.bytes_sent": count("byte", "Bytes that a bridge or vxlan device of an overlay network sent."),
  "overlay.device.packets_rcvd": count(
    "packet",
    "Packets that the device received; a vxlan device that receives what it sends is in a loop.",
  ),
  "overlay.device.packets_sent": count("packet", "Packets that the device sent."),
  "overlay.device.errors_rcvd": count("error", "Packets received with an error; drops are not among them.", -1),
  "overlay.device.errors_sent": count("error", "Packets that could not be sent; drops are not among them.", -1),
  "overlay.device.drops_rcvd": count("packet", "Packets dropped on receipt.", -1),
  "overlay.device.drops_sent": count("packet", "Packets dropped on the way out.", -1),
});
