import { z } from "zod";
import { NotAvailable } from "../../host/host.ts";
import { type CounterIdentity, type CycleOf, defineCollector } from "../collector.ts";
import { includeExclude, nameFilter } from "../filter.ts";
import { identityOf, type Namespace, namespaceTags } from "../namespaces.ts";
import { parseConnectedRoutes } from "./ipv4.ts";
import { metrics } from "./metrics.ts";
import { type InterfaceCounters, parseIndexes, parseNetDev } from "./net-dev.ts";
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
    let held: ReadonlySet<string> = new Set();
    return async (cycle) => {
      const holding = new Set<string>();
      for (const namespace of cycle.namespaces()) {
        await cycle.breathe();
        for (const found of read(cycle, namespace)) {
          if (isUnnamedYet(cycle, found) && !held.has(keyOf(found))) holding.add(keyOf(found));
          else if (wantedInterface(found.name) && wantedNetwork(found.network ?? unknown))
            emit(cycle, namespace, found);
        }
      }
      held = holding;
    };
  },
});

type OwnCycle = CycleOf<typeof metrics>;

const unknown = "unknown";

interface Found extends InterfaceCounters {
  readonly identity: CounterIdentity;
  readonly network: string | undefined;
}

/** The kernel shows a new interface before Docker's event tells its network: it may wait one cycle for its name. */
function isUnnamedYet(cycle: OwnCycle, { network, identity }: Found): boolean {
  return network === undefined && cycle.isNew(identity);
}

const keyOf = ({ identity }: Found): string => `${identity.group} ${identity.member}`;

function read(cycle: OwnCycle, namespace: Namespace): readonly Found[] {
  try {
    const { interfaces: counted, malformed } = parseNetDev(namespace.process.text("net/dev"));
    const [bad] = malformed;
    if (bad !== undefined)
      cycle.fail(new Error(`/proc/${namespace.process.pid}/net/dev: not the kernel's form: ${JSON.stringify(bad)}`));
    const indexes = parseIndexes(namespace.process.text("net/igmp"));
    const networks = networkNames(cycle, namespace);
    return counted.map((one) => {
      const identity = identityOf(namespace, `${one.name}#${indexes.get(one.name) ?? 0}`);
      return { ...one, identity, network: networks.get(one.name) };
    });
  } catch (error) {
    if (error instanceof NotAvailable) cycle.skip("gone");
    else cycle.fail(error instanceof Error ? error : new Error(String(error)));
    return [];
  }
}

function emit(cycle: OwnCycle, namespace: Namespace, { name, network, identity, values }: Found): void {
  const tags = { ...namespaceTags(namespace, cycle.tagsOf), interface: name, docker_network: network ?? unknown };
  cycle.counters(identity, tags, values);
}

function networkNames(cycle: OwnCycle, { process, members }: Namespace): ReadonlyMap<string, string> {
  const attachments = members.flatMap((c) => c.attachments);
  const routes = parseConnectedRoutes(process.text("net/route"));
  const ipv6 = attachments.some((a) => a.ipv6 !== "")
    ? parseIpv6Devices(process.text("net/if_inet6"))
    : new Map<string, string>();
  return nameNetworks(routes, ipv6, attachments, cycle.host.docker.inventory().networks);
}
