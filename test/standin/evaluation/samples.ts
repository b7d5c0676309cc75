import { createSocket } from "node:dgram";
import { isObject, objectAt } from "../../../standin/json.ts";
import type { Standin } from "../../../standin/standin.ts";
import { until } from "../../host/until.ts";

/** How many samples of a type that is not kept have come: a last one of that type tells that all before it have. */
const markersOf = (standin: Standin): number => {
  const metrics = standin.metrics();
  const ignored = isObject(metrics) ? objectAt(metrics, "ignored")["set"] : 0;
  return typeof ignored === "number" ? ignored : 0;
};

/** Sends DogStatsD lines over a real UDP socket; resolves when the stand-in has taken them. */
export async function sendUdp(standin: Standin, lines: readonly string[]): Promise<void> {
  const url = standin.dogstatsd.find((one) => one.startsWith("udp://"));
  if (url === undefined) throw new Error("it does not listen on UDP");
  const { hostname, port } = new URL(url);
  const before = markersOf(standin);
  const socket = createSocket("udp4");
  try {
    for (const line of [...lines, "marker:x|s"])
      await new Promise<void>((resolve, reject) => {
        socket.send(line, Number(port), hostname, (error) => (error === null ? resolve() : reject(error)));
      });
    await until("the stand-in has taken the samples", () => markersOf(standin) > before);
  } finally {
    socket.close();
  }
}
