import { z } from "zod";
import { NotAvailable } from "../../host/host.ts";
import { type CycleOf, defineCollector } from "../collector.ts";
import { includeExclude, nameFilter } from "../filter.ts";
import type { Namespace } from "../namespaces.ts";
import { parseConnectedRoutes } from "./ipv4.ts";
import { metrics } from "./metrics.ts";
import { type InterfaceCounters, parseIndexes, parseNetDev } from "./net-dev.ts";
import { nameNetworks, parseIpv6Devices } from "./network-names.ts";
import { Sightings } from "./sightings.ts";

export const interfaces = defineCollector({
  name: "interfaces",
  summary:
    "Bytes, packets, errors and drops of every network interface inside every container, with the name of its Docker network.",
  config: z.strictObject({
    interfaces: includeExclude("interfaces").describe("Interfaces inside the containers, by name (eth0, lo)."),
    networks: includeExclude("networks").describe("Docker networks, by name."),
  }),
  metrics,
  create: (config) => {
    const wanted = { interface: nameFilter(config.interfaces), network: nameFilter(config.networks) };
    const sightings = new Sightings();
    return async (cycle) => {
      try {
        for (const namespace of cycle.namespaces()) {
          await cycle.breathe();
          readNamespace(cycle, namespace, wanted, sightings);
        }
      } finally {
        sightings.end();
      }
    };
  },
});

interface Wanted {
  readonly interface: (name: string) => boolean;
  readonly network: (name: string) => boolean;
}

function readNamespace(
  cycle: CycleOf<typeof metrics>,
  namespace: Namespace,
  wanted: Wanted,
  sightings: Sightings,
): void {
  try {
    const { interfaces: found, malformed } = parseNetDev(namespace.process.text("net/dev"));
    const indexes = parseIndexes(namespace.process.text("net/igmp"));
    const networks = networkNames(cycle, namespace);
    for (const one of found) {
      const { member, isNew } = sightings.see(namespace.id, one.name, indexes.get(one.name));
      const network = networks.get(one.name);
      // Docker tells of a connect some 100 ms after the fact. The next cycle counts a new interface from 0, by its name.
      if (isNew && network === undefined) continue;
      if (wanted.interface(one.name) && wanted.network(network ?? "unknown"))
        emit(cycle, namespace, one, { member, network: network ?? "unknown" });
    }
    if (malformed.length > 0)
      cycle.fail(new Error(`${pathOf(namespace, "net/dev")}: not the kernel's form: ${JSON.stringify(malformed[0])}`));
  } catch (error) {
    if (error instanceof NotAvailable) cycle.skip("gone");
    else cycle.fail(error instanceof Error ? error : new Error(String(error)));
  }
}

interface Named {
  readonly member: string;
  readonly network: string;
}

function emit(
  cycle: CycleOf<typeof metrics>,
  { id: group, bornAt, container, members }: Namespace,
  { name, values }: InterfaceCounters,
  { member, network }: Named,
): void {
  const tags = { ...cycle.tagsOf(container), interface: name, docker_network: network };
  const identity = { group, member, ...(bornAt === undefined ? {} : { bornAt }) };
  cycle.counters(identity, members.length > 1 ? { ...tags, netns_shared: "true" } : tags, values);
}

function networkNames(cycle: CycleOf<typeof metrics>, { process, members }: Namespace): ReadonlyMap<string, string> {
  const attachments = members.flatMap((c) => c.attachments);
  const routes = parseConnectedRoutes(process.text("net/route"));
  const ipv6 = attachments.some((a) => a.ipv6 !== "")
    ? parseIpv6Devices(process.text("net/if_inet6"))
    : new Map<string, string>();
  return nameNetworks(routes, ipv6, attachments, cycle.host.docker.inventory().networks);
}

const pathOf = ({ process }: Namespace, file: string): string => `/proc/${process.pid}/${file}`;
