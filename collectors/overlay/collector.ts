import { z } from "zod";
import { NotAvailable } from "../../host/host.ts";
import type { Finding, FindingClass, FindingState } from "../../overlay/diagnose/finding.ts";
import { isPinned, viewOf } from "../../overlay/diagnose/view.ts";
import type { Examination, Examined } from "../../overlay/examine/examination.ts";
import { examine } from "../../overlay/examine/examine.ts";
import { endpointMemory } from "../../overlay/examine/remembered.ts";
import { truthMemory } from "../../overlay/examine/truths.ts";
import type { Link } from "../../overlay/links.ts";
import { type CycleOf, defineCollector } from "../collector.ts";
import { includeExclude, nameFilter } from "../filter.ts";
import { engineKeeper } from "./engine.ts";
import { findingsOf } from "./findings.ts";
import { healthOf } from "./health.ts";
import { metrics } from "./metrics.ts";

export const overlay = defineCollector({
  name: "overlay",
  summary:
    "What is wrong in the tables of every overlay network, how full they are, and what its bridge and vxlan devices carry.",
  config: z.strictObject({
    networks: includeExclude("networks").describe("Overlay networks, by name."),
  }),
  metrics,
  create: (config) => {
    const wanted = nameFilter(config.networks);
    const [engineOf, memory, gone] = [engineKeeper(), endpointMemory(), goneLately()];
    const truth = { memory: truthMemory(), wait: false };
    return async (cycle) => {
      const { state, error } = cycle.host.docker.inventory();
      if (state === "never") throw new NotAvailable(error ?? "Docker has not answered yet");
      const engine = await engineOf(cycle.host, cycle.signal);
      const found = await examine(cycle.host, engine, { glance: true, memory, truth }, cycle.signal);
      cycle.health(healthOf(found));
      cycle.findings(findingsOf(found));
      emitHost(cycle, found);
      const here = new Set<string>();
      for (const one of found.namespaces) {
        await cycle.breathe();
        const name = one.input.network?.name;
        const told = name !== undefined && wanted(name) ? name : undefined;
        emitNetwork(cycle, one, told);
        if (told !== undefined) here.add(told);
      }
      const [unseen] = found.unjudged.filter(({ blind }) => blind);
      const left = gone(here, cycle.host.clock.now());
      // What could not be read may be there still.
      if (unseen !== undefined) cycle.fail(new Error(`${unseen.what}: ${unseen.why}`));
      else for (const name of left) emitFindings(cycle, ofNetwork, [], { docker_network: name });
    };
  },
});

/** How long the findings of a network that is gone are told as 0; milliseconds. */
const toldAfter = 300_000;

/** Networks that left this host: without a 0 their last findings would page on, for Datadog keeps what it was told last. */
function goneLately(): (here: ReadonlySet<string>, now: number) => readonly string[] {
  const seen = new Map<string, number>();
  return (here, now) => {
    for (const name of here) seen.set(name, now);
    for (const [name, at] of seen) if (now - at > toldAfter) seen.delete(name);
    return [...seen.keys()].filter((name) => !here.has(name));
  };
}

type OwnCycle = CycleOf<typeof metrics>;

const all: readonly FindingState[] = ["latent", "active", "mitigated"];

type States = readonly (readonly [FindingClass, readonly FindingState[]])[];

/** Each with the states that it can have. */
const ofNetwork: States = [
  ["stale-local", all],
  ["self-loop", all],
  ["local-mac-on-vxlan-port", all],
  ["missing-fdb", ["latent", "active"]],
  ["wrong-vtep", ["active"]],
  ["wrong-neighbour", ["active"]],
  ["orphan-row", ["latent"]],
  ["duplicate-ip", ["active"]],
];
const ofHost: States = [
  ["neighbour-table-full", ["latent", "active"]],
  ["conntrack-full", ["latent", "active"]],
  ["orphan-vxlan-link", ["latent"]],
];

function emitHost(cycle: OwnCycle, { findings, namespaces, input }: Examination): void {
  const stray = namespaces.filter(({ input: { network } }) => network === undefined);
  emitFindings(cycle, ofHost, [...findings, ...stray.flatMap((one) => one.findings)], {});
  const { neighbours, conntrack } = input;
  if (neighbours !== undefined) {
    cycle.gauge("overlay.neighbour_entries", neighbours.used);
    cycle.gauge("overlay.neighbour_limit", neighbours.limit);
  }
  if (conntrack === undefined) return;
  cycle.gauge("overlay.conntrack_entries", conntrack.used);
  cycle.gauge("overlay.conntrack_limit", conntrack.limit);
}

/** Without a name it is one that is not wanted, or belongs to no network: its counters are told all the same. */
function emitNetwork(cycle: OwnCycle, { input, namespace, findings }: Examined, name: string | undefined): void {
  const tags = name === undefined ? undefined : { docker_network: name };
  const { tables, endpoints } = input;
  for (const link of tables.links) emitDevice(cycle, namespace.key, link, tags);
  if (tags === undefined) return;
  cycle.gauge("overlay.fdb_rows", tables.fdb.length, tags);
  cycle.gauge("overlay.neighbours", tables.neighbours.length, tags);
  if (endpoints === undefined) return;
  const view = viewOf(input);
  cycle.gauge("overlay.pins", endpoints.filter((endpoint) => isPinned(view, endpoint)).length, tags);
  emitFindings(cycle, ofNetwork, findings, tags);
}

/** All classes and states, those at 0 too: a finding that is gone is told as gone. */
function emitFindings(
  cycle: OwnCycle,
  classes: States,
  findings: readonly Finding[],
  tags: Readonly<Record<string, string>>,
): void {
  for (const [of, states] of classes)
    for (const state of states) {
      const count = findings.filter((one) => one.class === of && one.state === state).length;
      cycle.gauge("overlay.findings", count, { ...tags, class: of, state });
    }
}

function emitDevice(
  cycle: OwnCycle,
  group: string,
  { kind, name, ifindex, traffic }: Link,
  tags: Readonly<Record<string, string>> | undefined,
): void {
  if ((kind !== "vxlan" && kind !== "bridge") || traffic === undefined) return;
  const { rcvd, sent } = traffic;
  cycle.counters({ group, member: String(ifindex) }, tags === undefined ? undefined : { ...tags, device: name }, {
    "overlay.device.bytes_rcvd": rcvd.bytes,
    "overlay.device.bytes_sent": sent.bytes,
    "overlay.device.packets_rcvd": rcvd.packets,
    "overlay.device.packets_sent": sent.packets,
    "overlay.device.errors_rcvd": rcvd.errors,
    "overlay.device.errors_sent": sent.errors,
    "overlay.device.drops_rcvd": rcvd.drops,
    "overlay.device.drops_sent": sent.drops,
  });
}
