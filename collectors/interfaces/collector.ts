import { z } from "zod";
import type { Tags } from "../../emit/sample.ts";
import { NotAvailable, type ProcessHandle } from "../../host/host.ts";
import { type CounterIdentity, type CycleOf, defineCollector } from "../collector.ts";
import { includeExclude, nameFilter } from "../filter.ts";
import type { Namespace } from "../namespaces.ts";
import { parseConnectedRoutes } from "./ipv4.ts";
import { metrics } from "./metrics.ts";
import { parseIndexes, parseNetDev, parseSnmp6Index } from "./net-dev.ts";
import { nameNetworks, parseIpv6Devices } from "./network-names.ts";

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
    const [wantedInterface, wantedNetwork] = [nameFilter(config.interfaces), nameFilter(config.networks)];
    return async (cycle) => {
      for (const namespace of cycle.namespaces()) {
        await cycle.breathe();
        readNamespace(cycle, namespace, wantedInterface, wantedNetwork);
      }
    };
  },
});

type Wanted = (name: string) => boolean;

function readNamespace(
  cycle: CycleOf<typeof metrics>,
  namespace: Namespace,
  wantedInterface: Wanted,
  wantedNetwork: Wanted,
): void {
  try {
    const { interfaces: found, malformed } = parseNetDev(namespace.process.text("net/dev"));
    const identify = identifier(namespace, malformed.length > 0);
    const networks = networkNames(cycle, namespace);
    for (const { name, values } of found) {
      const network = networks.get(name) ?? "unknown";
      const wanted = wantedInterface(name) && wantedNetwork(network);
      cycle.counters(identify(name), wanted ? tagsOf(cycle, namespace, name, network) : undefined, values);
    }
    if (malformed.length > 0)
      cycle.fail(new Error(`${pathOf(namespace, "net/dev")}: not the kernel's form: ${JSON.stringify(malformed[0])}`));
  } catch (error) {
    if (error instanceof NotAvailable) cycle.skip("gone");
    else cycle.fail(error instanceof Error ? error : new Error(String(error)));
  }
}

/**
 * An interface is its index: names change hands (Docker renames, so may the container), indexes are not given twice. One
 * whose index can not be known is on its own: nothing then tells a new one from an old one.
 */
function identifier({ id, bornAt, process }: Namespace, partial: boolean): (name: string) => CounterIdentity {
  const indexes = parseIndexes(optional(process, "net/igmp"));
  return (name) => {
    const index = indexes.get(name) ?? parseSnmp6Index(optional(process, `net/dev_snmp6/${name}`));
    if (index === undefined) return { group: `${id} ${name}`, member: name };
    return { group: id, member: `#${index}`, partial, ...(bornAt === undefined ? {} : { bornAt }) };
  };
}

function tagsOf(
  cycle: CycleOf<typeof metrics>,
  { container, members }: Namespace,
  name: string,
  network: string,
): Tags {
  const tags = { ...cycle.tagsOf(container), interface: name, docker_network: network };
  return members.length > 1 ? { ...tags, netns_shared: "true" } : tags;
}

function networkNames(cycle: CycleOf<typeof metrics>, { process, members }: Namespace): ReadonlyMap<string, string> {
  const attachments = members.flatMap((c) => c.attachments);
  const routes = parseConnectedRoutes(process.text("net/route"));
  const ipv6 = attachments.some((a) => a.ipv6 !== "")
    ? parseIpv6Devices(optional(process, "net/if_inet6"))
    : new Map<string, string>();
  return nameNetworks(routes, ipv6, attachments, cycle.host.docker.inventory().networks);
}

/** Empty where this kernel has no such file. Throws `NotAvailable` where it is the process that is no more. */
function optional(process: ProcessHandle, path: string): string {
  try {
    return process.text(path);
  } catch (error) {
    if (!(error instanceof NotAvailable)) throw error;
    process.inode("net/dev");
    return "";
  }
}

const pathOf = ({ process }: Namespace, file: string): string => `/proc/${process.pid}/${file}`;
