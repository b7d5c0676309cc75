import type { Tags } from "../../emit/sample.ts";
import { DockerError } from "../../host/docker/error.ts";
import type { EngineInfo } from "../../host/docker/info.ts";
import type { Network } from "../../host/docker/inventory.ts";
import type { Pinged } from "../../host/fping.ts";
import { NotAvailable, type OverlayView } from "../../host/host.ts";
import { ProgramError } from "../../host/iproute2/error.ts";
import { StoreError } from "../../host/kv/store.ts";
import { viewOf } from "../../overlay/diagnose/view.ts";
import type { OverlayNamespace } from "../../overlay/discover.ts";
import type { OverlayDriver } from "../../overlay/engine.ts";
import { driverOf, fibTrieOf, vtepsOf } from "../../overlay/engine-facts.ts";
import { UnreadableTable } from "../../overlay/rows.ts";
import { readTables } from "../../overlay/tables.ts";
import type { Telling } from "../../overlay/truth/place.ts";
import { tell } from "../../overlay/truth/tell.ts";
import type { CycleOf } from "../collector.ts";
import type { metrics } from "./metrics.ts";
import { balancersIn, isFound, isThere, type Source, sourcesIn } from "./sources.ts";
import { type Around, isInLoop, isStill, sampleOf, type Target, targetsIn } from "./targets.ts";

/** One cycle, and what it is done with. */
export interface Probing {
  readonly cycle: CycleOf<typeof metrics>;
  readonly engine: EngineInfo | undefined;
  /** All of this host. */
  readonly namespaces: readonly OverlayNamespace[];
  readonly fping: NonNullable<OverlayView["fping"]>;
  readonly turn: number;
  readonly most: number;
}

/**
 * Probes one network. One that can not be probed does not stop the others: what failed is told to the cycle, and what is not
 * there given back. Rejects with the signal's reason.
 */
export async function probe(network: Network, probing: Probing): Promise<NotAvailable | "done" | "elsewhere"> {
  const { cycle } = probing;
  const namespace = probing.namespaces.find((one) => one.kind === "overlay" && one.network?.id === network.id);
  if (namespace === undefined) return "elsewhere";
  try {
    await probeIn(network, namespace, probing);
  } catch (error) {
    cycle.signal.throwIfAborted();
    if (error instanceof NotAvailable) return error;
    if (!isKnown(error)) throw error;
    cycle.fail(new Error(`${network.name} could not be probed: ${error.message}`, { cause: error }));
  }
  return "done";
}

const isKnown = (error: unknown): error is Error =>
  error instanceof ProgramError || error instanceof UnreadableTable || isUntold(error);

const isUntold = (error: unknown): error is Error => error instanceof StoreError || error instanceof DockerError;

async function probeIn(network: Network, namespace: OverlayNamespace, probing: Probing): Promise<void> {
  const { cycle, namespaces, turn, most } = probing;
  const around = await lookAround(network, namespace, probing);
  const own = sourcesIn(around, await balancersIn(around, namespaces, cycle.host, cycle.signal));
  const sources = own.filter((one) => isFound(one, around));
  // Where nobody is at all, as in swarm's ingress network on most hosts, nothing is left out.
  if (sources.length === 0 && own.length > 0) cycle.skip("no_source");
  const asked = sampleOf(targetsIn(around), turn, most).flatMap((target) => askedOf(target, sources));
  const safe = asked.filter(({ target }) => !isInLoop(target, around));
  for (let left = safe.length; left < asked.length; left++) cycle.skip("loop");
  const answers = await ping(safe, around.driver, probing);
  const lost = safe.filter(({ target }) => (answers.get(target.ip)?.loss ?? 0) > 0);
  const doubts = await doubtsOf(lost, network, probing);
  for (const one of safe) {
    const [answer, doubt] = [answers.get(one.target.ip), doubts.get(one)];
    if (answer === undefined) cycle.skip("no_answer_of_fping");
    else if (doubt !== undefined) cycle.skip(doubt);
    else emit(cycle, network, one.target, answer);
  }
}

interface Asked {
  readonly target: Target;
  readonly source: Source;
}

/** From the best source; that one itself is asked from the next best, where there is one. */
function askedOf(target: Target, sources: readonly Source[]): readonly Asked[] {
  const source = sources.find(({ ip }) => ip !== target.ip);
  return source === undefined ? [] : [{ target, source }];
}

async function lookAround(network: Network, namespace: OverlayNamespace, probing: Probing): Promise<Around> {
  const { overlays, docker, proc } = probing.cycle.host;
  const [telling, tables] = await Promise.all([
    truthOf(network, probing),
    readTables(namespace, probing.cycle.signal, overlays),
  ]);
  const ownVteps = new Set(vtepsOf(probing.engine, fibTrieOf(proc)));
  const { containers } = docker.inventory();
  const view = viewOf({ ...namespace, tables });
  return { networkId: network.id, driver: driverOf(network), containers, telling, view, ownVteps };
}

const truthOf = async (network: Network, { cycle, engine }: Probing): Promise<Telling> =>
  tell({ id: network.id, driver: driverOf(network) }, engine, cycle.host.overlays, cycle.signal);

/** By one fping for all that are asked from one source. A classic engine acts on what the kernel asks afterwards: nothing is left to ask. */
async function ping(
  asked: readonly Asked[],
  driver: OverlayDriver,
  { fping, cycle }: Probing,
): Promise<ReadonlyMap<string, Pinged>> {
  const how = driver === "classic" ? "traceless" : undefined;
  const sources = [...new Set(asked.map(({ source }) => source))];
  const answers = await Promise.all(
    sources.map(async (source) => {
      const addresses = asked.filter((one) => one.source === source).map(({ target }) => target.ip);
      return [...(await fping(source.from, addresses, cycle.signal, how))];
    }),
  );
  return new Map(answers.flat());
}

type Doubts = ReadonlyMap<Asked, "gone" | "unconfirmed">;

/** Why a loss is not told: who was stopped or moved since it was told of is not lost. Where nothing is lost, nobody is asked. */
async function doubtsOf(lost: readonly Asked[], network: Network, probing: Probing): Promise<Doubts> {
  if (lost.length === 0) return new Map();
  const unconfirmed = new Map(lost.map((one) => [one, "unconfirmed"] as const));
  try {
    const telling = await truthOf(network, probing);
    const { host } = probing.cycle;
    const inventory = host.docker.inventory();
    if (inventory.state !== "live") return unconfirmed;
    const stands = ({ target, source }: Asked): boolean =>
      isStill(target, network.id, telling, inventory) && isThere(source, network.id, host);
    return new Map(lost.filter((one) => !stands(one)).map((one) => [one, "gone"] as const));
  } catch (error) {
    probing.cycle.signal.throwIfAborted();
    if (!isUntold(error)) throw error;
    return unconfirmed;
  }
}

function emit(cycle: Probing["cycle"], network: Network, target: Target, { loss, rtt }: Pinged): void {
  const { name, placement, service } = target;
  const tags: Tags = {
    docker_network: network.name,
    container_name: name,
    placement,
    ...(service === undefined ? {} : { swarm_service: service }),
  };
  cycle.gauge("probe.loss", loss, tags);
  if (rtt !== undefined) cycle.gauge("probe.rtt", rtt, tags);
}
