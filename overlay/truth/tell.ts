import { setImmediate as breath } from "node:timers/promises";
import type { EngineInfo } from "../../host/docker/info.ts";
import type { OverlayView } from "../../host/host.ts";
import { StoreError } from "../../host/kv/store.ts";
import type { OverlayDriver } from "../engine.ts";
import { classicTelling, endpointsFolder } from "./classic.ts";
import { macOfIp, type Telling } from "./place.ts";
import { swarmTelling } from "./swarm.ts";

/**
 * Where the endpoints of a network are, this host's too, as the swarm or the cluster store tells now. Throws `StoreError` or
 * `DockerError` where nothing tells, or the signal's reason. A swarm tells no MAC: `macOf` an address, Docker's own unless told.
 */
export async function tell(
  network: { readonly id: string; readonly driver: OverlayDriver },
  engine: Pick<EngineInfo, "clusterStore"> | undefined,
  from: Pick<OverlayView, "tasks" | "stored">,
  signal: AbortSignal,
  macOf: (ip: string) => string | undefined = macOfIp,
): Promise<Telling> {
  if (network.driver === "swarm") return swarmTelling(await from.tasks(network.id, signal), macOf);
  if (engine === undefined) throw new StoreError("the engine does not tell which cluster store it has");
  const telling = classicTelling(await from.stored(engine.clusterStore, endpointsFolder(network.id), signal));
  // Some thousand records take 10 ms to read: what else this process does goes on before they are judged.
  await breath();
  return telling;
}
