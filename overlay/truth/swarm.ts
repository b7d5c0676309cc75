import type { NetworkTask } from "../../host/docker/tasks.ts";
import { type Place, placeOf, type Telling } from "./place.ts";

export function swarmTelling(tasks: readonly NetworkTask[], macOf: (ip: string) => string | undefined): Telling {
  const places: Place[] = [];
  let doubts = 0;
  for (const { endpoint, name, ip, hostIp } of tasks) {
    const found = placeOf({ ip, mac: macOf(ip) ?? "", vtep: hostIp, name, endpoint });
    if (found === undefined) doubts++;
    else places.push(found);
  }
  return { places, doubts, complete: false };
}
