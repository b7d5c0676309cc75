import { DockerError } from "../host/docker/error.ts";
import { NotAvailable } from "../host/host.ts";
import { isSameHost } from "../overlay/cluster/machines.ts";
import { explain, type Explained } from "../overlay/explain/explain.ts";
import { type Asked, NotFound, Refused } from "../overlay/explain/find.ts";
import type { HostTables } from "../overlay/explain/tables.ts";
import { type Command, configOf, parseCommand } from "./command.ts";
import type { Config } from "./config/schema.ts";
import { type ArpAsked, arpAsked } from "./explain/arp.ts";
import { readBundle } from "./explain/bundle.ts";
import type { FleetTold } from "./explain/fleet.ts";
import { ownTables } from "./explain/live.ts";
import { explainedPage } from "./explain/page.ts";
import { UnavailableError, UsageError } from "./exit-codes.ts";

const usage = `usage: overlaywatch explain A B [--network N] [--with BUNDLE]... [--from BUNDLE]
       overlaywatch explain A B --fleet [--network N] [--with BUNDLE]...

Follows a packet from container A to container B, hop by hop: the containers' own tables, the ports, the bridge, the vxlan
device's rows, the route to the other host, and that host's tables where they are given. Stops at the first wrong hop, with
the command that shows it. Changes nothing. Needs root, except with --from.
  A, B            name, id or address of a container; A runs here, B here or on another host
  --network N     where they share several
  --with BUNDLE   the tables of another host, as \`overlaywatch doctor --save BUNDLE\` wrote them there; more than once
  --from BUNDLE   in place of this host's tables: all from bundles, no root needed
  --fleet         all hosts of the fleet are asked for their tables over the broker, on the gateway's machine, and no root
                  is needed. Where broker.seed_file and broker.signing_key_file are set, that is so without it, except
                  with --from, --with or --arp
  --arp           also sends one ARP request from A for B's address and counts the answers: two are a container and a
                  proxy. Off by default, for it changes what bridges and engines have learned
  --json          {network,from,to,hops:[{hop,host,ok,what,command,why}],notes,verdict}; arp with --arp

Example: overlaywatch explain A1 B1

Exit code 0: nothing wrong; 1: a wrong hop; 2: something could not be judged; 69: Docker or the broker can
not be asked, or A or B is unknown and some host did not answer.
`;

const exits = { healthy: 0, faulty: 1, unknown: 2 } as const;

const options = {
  network: { type: "string" },
  with: { type: "string", multiple: true },
  from: { type: "string" },
  fleet: { type: "boolean" },
  arp: { type: "boolean" },
} as const;

export const command: Command = {
  summary: "follow a packet from one container to another, to the first wrong hop",
  usage,
  options,
  run: async (args, io) => {
    const { values, positionals } = parseCommand(args, options, "some");
    const asked = askedFor(positionals, values.network);
    const { config } = configOf(values, io);
    refuseMisuse(values);
    const paths = [...(values.from === undefined ? [] : [values.from]), ...(values.with ?? [])];
    const bundles = await Promise.all(paths.map(async (path) => (await readBundle(path, io.cwd)).tables));
    const fleet = await fleetFor(config, values, io.signal);
    const isLive = values.from === undefined && fleet.hosts.length === 0 && values.fleet !== true;
    const own = isLive ? [await ownTablesFor(config, asked, bundles, fleet.silent, io.signal)] : [];
    // What a host says now is newer than a bundle of it, by whatever name.
    const more = bundles.filter((one) => !fleet.hosts.some((host) => isSameHost(host, one)));
    const hosts = [...own, ...fleet.hosts, ...more];
    const explained = await withArp(explainAll(hosts, asked, fleet.silent), values.arp === true ? own : []);
    const { stdout } = io;
    const page = { colors: stdout.isTTY ?? false, columns: Math.max(60, stdout.columns ?? 80) };
    stdout.write(
      values.json === true ? `${JSON.stringify(explained, undefined, 1)}\n` : explainedPage(explained, page),
    );
    return exits[explained.verdict];
  },
};

function askedFor([a, b, ...more]: readonly string[], network: string | undefined): Asked {
  if (a === undefined || b === undefined) throw new UsageError("explain: two containers are wanted, A and B");
  if (more.length > 0) throw new UsageError(`explain: two containers, not also ${more.join(" ")}`);
  return { a, b, ...(network === undefined ? {} : { network }) };
}

type Values = ReturnType<typeof parseCommand<typeof options>>["values"];

function refuseMisuse({ arp, from, fleet }: Values): void {
  if (arp === true && (from !== undefined || fleet === true))
    throw new UsageError("--arp sends from this host, and --from and --fleet explain without it");
  if (fleet === true && from !== undefined)
    throw new UsageError("--fleet asks the hosts, and --from takes bundles in their place");
}

const nobody: FleetTold = { hosts: [], silent: [] };

/** Where the fleet was not asked for by name, this host's own tables are there in its place. */
async function fleetFor(config: Config, { fleet, from, with: more, arp }: Values, signal: AbortSignal) {
  const isImplied = isGateway(config) && from === undefined && more === undefined && arp !== true;
  if (fleet !== true && !isImplied) return nobody;
  const { toldByFleet } = await import("./explain/fleet.ts");
  try {
    return await toldByFleet(config, signal);
  } catch (error) {
    if (fleet === true || !(error instanceof UnavailableError)) throw error;
    return { hosts: [], silent: [`${error.message}: only this host was looked at`] };
  }
}

const isGateway = ({ broker }: Config): boolean =>
  broker.servers.length > 0 && broker.seed_file !== "" && broker.signing_key_file !== "";

async function withArp(
  explained: Explained,
  [own]: readonly HostTables[],
): Promise<Explained & { readonly arp?: ArpAsked }> {
  if (own === undefined) return explained;
  const arp = await arpAsked(own, explained);
  return { ...explained, notes: [...explained.notes, arp.sentence], arp };
}

function explainAll(hosts: readonly HostTables[], asked: Asked, silent: readonly string[]): Explained {
  const twice = hosts.find(({ host }, at) => hosts.findIndex((one) => one.host === host) < at);
  if (twice !== undefined) throw new UsageError(`two of the tables are of the same host, ${twice.host}`);
  try {
    const explained = explain(hosts, asked);
    return { ...explained, notes: [...explained.notes, ...silent] };
  } catch (error) {
    if (error instanceof NotFound && silent.length > 0)
      throw new UnavailableError(`${error.message}; ${silent.join("; ")}`, { cause: error });
    if (error instanceof Refused) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

async function ownTablesFor(
  config: Config,
  { a, b }: Asked,
  bundles: readonly HostTables[],
  silent: readonly string[],
  signal: AbortSignal,
): Promise<HostTables> {
  // Of some hundred containers, two are asked about.
  const isWanted = ({ name, ip, id = "" }: { readonly name: string; readonly ip: string; readonly id?: string }) =>
    [a, b].some((text) => text === name || text === ip || id.startsWith(text));
  const vteps = bundles.flatMap(({ advertised }) => (advertised === "" ? [] : [advertised]));
  try {
    return await ownTables(config, { vteps, isWanted }, signal);
  } catch (error) {
    if (error instanceof DockerError || error instanceof NotAvailable)
      throw new UnavailableError([error.message, ...silent].join("; "), { cause: error });
    throw error;
  }
}
