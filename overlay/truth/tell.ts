import { setImmediate as breath } from "node:timers/promises";
import type { EngineInfo } from "../../host/docker/info.ts";
import type { OverlayView } from "../../host/host.ts";
import { StoreError, type StoredValue } from "../../host/kv/store.ts";
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
  return inPieces(await from.stored(engine.clusterStore, endpointsFolder(network.id), signal));
}

/** Records that are read in 1 ms or two. */
const pieceSize = 250;

/** Some thousand records take 10 ms to read, after as many for the answer: others get their turn between two pieces. */
async function inPieces(entries: readonly StoredValue[]): Promise<Telling> {
  const tellings: Telling[] = [];
  for (let from = 0; from < entries.length; from += pieceSize) {
    await breath();
    tellings.push(classicTelling(entries.slice(from, from + pieceSize)));
  }
  await breath();
  const doubts = tellings.reduce((sum, one) => sum + one.doubts, 0);
  return { places: tellings.flatMap(({ places }) => places), doubts, complete: doubts === 0 };
}
