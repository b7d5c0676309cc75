import { z } from "zod";
import type { Tags } from "../../emit/sample.ts";
import { DockerError } from "../../host/docker/error.ts";
import type { EngineInfo } from "../../host/docker/info.ts";
import type { Network } from "../../host/docker/inventory.ts";
import { NotAvailable, type OverlayView } from "../../host/host.ts";
import { ProgramError } from "../../host/iproute2/error.ts";
import { StoreError } from "../../host/kv/store.ts";
import { discover, isOverlayName, type OverlayNamespace } from "../../overlay/discover.ts";
import { driverOf, fibTrieOf, vtepsOf } from "../../overlay/engine-facts.ts";
import { UnreadableTable } from "../../overlay/rows.ts";
import { readTables } from "../../overlay/tables.ts";
import { tell } from "../../overlay/truth/tell.ts";
import { type CycleOf, defineCollector } from "../collector.ts";
import { includeExclude, nameFilter } from "../filter.ts";
import { engineKeeper } from "../overlay/engine.ts";
import { metrics } from "./metrics.ts";
import { sampleOf, sourceIn, targetsIn } from "./targets.ts";

export const reachability = defineCollector({
  name: "reachability",
  summary:
    "Loss and round trip to containers of every overlay network, by one fping a network and cycle, from a container's own namespace or swarm's load balancer.",
  // It sends packets, and every distinct container of other hosts is a series.
  startsDisabled: true,
  config: z.strictObject({
    networks: includeExclude("networks").describe("Overlay networks, by name."),
    sample: z
      .int()
      .min(1)
      .max(100)
      .default(10)
      .describe("Containers of a network that are pinged in one cycle, all in turn."),
  }),
  metrics,
  create: (config) => {
    const wanted = nameFilter(config.networks);
    const engineOf = engineKeeper();
    let turn = 0;
    return async (cycle) => {
      const { fping } = cycle.host.overlays;
      if (fping === undefined) throw new NotAvailable("nothing can be sent from here");
      const { state, error, networks } = cycle.host.docker.inventory();
      if (state === "never") throw new NotAvailable(error ?? "Docker has not answered yet");
      const engine = await engineOf(cycle.host, cycle.signal);
      const namespaces = discover(cycle.host.overlays.namespaces(isOverlayName), networks);
      const probing = { cycle, engine, namespaces, fping, turn: turn++, most: config.sample };
      const overlays = networks.filter(({ driver, name }) => driver === "overlay" && wanted(name));
      // One network that can not be probed does not stop the others.
      for (const network of overlays) await probe(network, probing);
    };
  },
});

interface Probing {
  readonly cycle: CycleOf<typeof metrics>;
  readonly engine: EngineInfo | undefined;
  readonly namespaces: readonly OverlayNamespace[];
  readonly fping: NonNullable<OverlayView["fping"]>;
  readonly turn: number;
  readonly most: number;
}

async function probe(network: Network, probing: Probing): Promise<void> {
  const { cycle } = probing;
  const namespace = probing.namespaces.find((one) => one.kind === "overlay" && one.network?.id === network.id);
  // No container of it runs here.
  if (namespace === undefined) return;
  try {
    await probeIn(network, namespace, probing);
  } catch (error) {
    cycle.signal.throwIfAborted();
    if (!isKnown(error)) throw error;
    cycle.fail(new Error(`${network.name} could not be probed: ${error.message}`, { cause: error }));
  }
}

const isKnown = (error: unknown): error is Error =>
  error instanceof ProgramError ||
  error instanceof UnreadableTable ||
  error instanceof StoreError ||
  error instanceof DockerError;

async function probeIn(network: Network, namespace: OverlayNamespace, probing: Probing): Promise<void> {
  const { cycle, engine, namespaces, fping, turn, most } = probing;
  const { overlays, docker, proc } = cycle.host;
  const driver = driverOf(network);
  const [telling, tables] = await Promise.all([
    tell({ id: network.id, driver }, engine, overlays, cycle.signal),
    readTables(namespace, cycle.signal, overlays),
  ]);
  const ownVteps = new Set(vtepsOf(engine, fibTrieOf(proc)));
  const { containers } = docker.inventory();
  const around = { networkId: network.id, driver, containers, namespaces, telling, tables, ownVteps };
  const source = sourceIn(around);
  if (source === undefined) return;
  const sample = sampleOf(targetsIn(around, source), turn, most);
  const answers = await fping(
    source,
    sample.map(({ ip }) => ip),
    cycle.signal,
  );
  for (const { ip, name, placement } of sample) {
    const answer = answers.get(ip);
    if (answer === undefined) {
      cycle.skip("no_answer_of_fping");
      continue;
    }
    const tags: Tags = { docker_network: network.name, container_name: name, placement };
    cycle.gauge("probe.loss", answer.loss, tags);
    if (answer.rtt !== undefined) cycle.gauge("probe.rtt", answer.rtt, tags);
  }
}
