import { z } from "zod";
import { withTag } from "../../emit/sample.ts";
import { NotAvailable, type ProcessHandle } from "../../host/host.ts";
import { type CounterIdentity, type CycleOf, defineCollector } from "../collector.ts";
import { includeExclude, nameFilter } from "../filter.ts";
import { identityOf, type Namespace, namespaceTags } from "../namespaces.ts";
import { parseOnce } from "../parse-once.ts";
import { parseConnectedRoutes } from "../../host/ipv4.ts";
import { metrics } from "./metrics.ts";
import { type InterfaceCounters, parseIndexes, parseNetDev } from "./net-dev.ts";
import { networkNamer, parseIpv6Devices } from "./network-names.ts";
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
    const [wantedInterface, wantedNetwork] = [nameFilter(config.interfaces), nameFilter(config.networks)];
    const [sightings, parse] = [new Sightings(), parsers()];
    let held: ReadonlySet<string> = new Set();
    return async (cycle) => {
      const holding = new Set<string>();
      for (const namespace of cycle.namespaces()) {
        await cycle.breathe();
        for (const found of read(cycle, namespace, sightings, parse)) {
          if (isUnnamedYet(cycle, found) && !held.has(keyOf(found))) holding.add(keyOf(found));
          else emit(cycle, namespace, found, wantedInterface(found.name) && wantedNetwork(found.network ?? unknown));
        }
      }
      held = holding;
      sightings.end();
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

type Parsers = ReturnType<typeof parsers>;

const parsers = () => ({
  counters: parseOnce(parseNetDev),
  indexes: parseOnce(parseIndexes),
  routes: parseOnce(parseConnectedRoutes),
  ipv6: parseOnce(parseIpv6Devices),
  names: networkNamer(),
});

function read(cycle: OwnCycle, namespace: Namespace, sightings: Sightings, parse: Parsers): readonly Found[] {
  const { process } = namespace;
  try {
    const { interfaces: counted, malformed } = parse.counters(process, process.text("net/dev"));
    const [bad] = malformed;
    if (bad !== undefined)
      cycle.fail(new Error(`/proc/${process.pid}/net/dev: not the kernel's form: ${JSON.stringify(bad)}`));
    const indexes = parse.indexes(process, optional(process, "net/igmp"));
    const networks = networkNames(cycle, namespace, parse);
    return counted.map(({ name, values }) => {
      const index = indexes.get(name);
      const member = sightings.see(namespace.id, name, index);
      const identity = identityOf(namespace, member, { partial: bad !== undefined, uncertain: index === undefined });
      return { name, values, identity, network: networks.get(name) };
    });
  } catch (error) {
    if (error instanceof NotAvailable) cycle.skip("gone");
    else cycle.fail(error instanceof Error ? error : new Error(String(error)));
    return [];
  }
}

/** What is not wanted is told without tags: it must not look new, and count whole, should it ever be wanted. */
function emit(
  cycle: OwnCycle,
  namespace: Namespace,
  { name, network, identity, values }: Found,
  wanted: boolean,
): void {
  const tags = withTag(namespaceTags(namespace, cycle.tagsOf), "interface", name);
  cycle.counters(identity, wanted ? withTag(tags, "docker_network", network ?? unknown) : undefined, values);
}

function networkNames(cycle: OwnCycle, { process, members }: Namespace, parse: Parsers): ReadonlyMap<string, string> {
  const routes = parse.routes(process, process.text("net/route"));
  const hasIpv6 = members.some((c) => c.attachments.some((a) => a.ipv6 !== ""));
  const ipv6 = hasIpv6 ? parse.ipv6(process, optional(process, "net/if_inet6")) : noDevices;
  return parse.names(process, { routes, ipv6, members, networks: cycle.host.docker.inventory().networks });
}

const noDevices: ReadonlyMap<string, string> = new Map();

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
