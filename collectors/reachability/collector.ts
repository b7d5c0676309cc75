import { z } from "zod";
import { NotAvailable } from "../../host/host.ts";
import { discover, isOverlayName } from "../../overlay/discover.ts";
import { lane } from "../../overlay/examine/lane.ts";
import { defineCollector } from "../collector.ts";
import { includeExclude, nameFilter } from "../filter.ts";
import { engineKeeper } from "../overlay/engine.ts";
import { metrics } from "./metrics.ts";
import { probe } from "./probe.ts";

/** Networks that are probed at a time: a ping that is lost takes 0.8 s of waiting, and no CPU. */
const atOnce = 4;

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
      const oneOf = lane(atOnce);
      const overlays = networks.filter(({ driver, name }) => driver === "overlay" && wanted(name));
      const probed = await Promise.all(overlays.map(async (one) => oneOf(async () => probe(one, probing))));
      settle(
        probed.filter((one) => one !== "elsewhere"),
        cycle.skip,
      );
    };
  },
});

/** What no network has is missing on the host; what only some have not was taken down while it was looked at. */
function settle(probed: readonly (NotAvailable | "done")[], skip: (reason: string) => void): void {
  const missing = probed.filter((one) => one !== "done");
  const [first] = missing;
  if (first !== undefined && missing.length === probed.length) throw first;
  for (const _ of missing) skip("gone");
}
