import type { NetworkTask } from "../../host/docker/tasks.ts";
import { macOfIp, type Place, placeOf, type Telling } from "./place.ts";

/** Swarm's answer has no MAC: it is made of the address on every engine. */
export function swarmTelling(tasks: readonly NetworkTask[]): Telling {
  const places: Place[] = [];
  let doubts = 0;
  for (const { endpoint, name, ip, hostIp } of tasks) {
    const found = placeOf({ ip, mac: macOfIp(ip) ?? "", vtep: hostIp, name, endpoint });
    if (found === undefined) doubts++;
    else places.push(found);
  }
  return { places, doubts };
}
