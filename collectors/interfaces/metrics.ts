import { defineMetrics } from "../../emit/metric.ts";

const tags = ["interface", "docker_network"] as const;
const count = (unit: string, help: string, orientation: -1 | 0 = 0) =>
  ({ type: "count", unit, tags, help, orientation }) as const;

export const metrics = defineMetrics({
  "net.bytes_rcvd": count("byte", "Bytes that came in on this interface of the container."),
  "net.bytes_sent": count("byte", "Bytes that went out on this interface of the container."),
  "net.packets_rcvd": count("packet", "Packets that came in."),
  "net.packets_sent": count("packet", "Packets that went out."),
  "net.errors_rcvd": count("error", "Packets received with an error; drops are not among them.", -1),
  "net.errors_sent": count(
    "error",
    "Packets that could not be sent because of an error; drops are not among them.",
    -1,
  ),
  "net.drops_rcvd": count(
    "packet",
    "Packets dropped on receipt: no room, too long for the MTU, or nobody took them.",
    -1,
  ),
  "net.drops_sent": count(
    "packet",
    "Packets dropped on the way out: too long for the peer, or the device was down.",
    -1,
  ),
});
