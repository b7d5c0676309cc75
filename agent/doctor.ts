import { liveClock } from "../host/clock.ts";
import type { EngineInfo } from "../host/docker/info.ts";
import type { Network } from "../host/docker/inventory.ts";
import { NotAvailable } from "../host/host.ts";
import { readEngineLog } from "../host/journald/engine-log.ts";
import { type Examination, withParts } from "../overlay/examine/examination.ts";
import { examine } from "../overlay/examine/examine.ts";
import { lookAround } from "../overlay/examine/surroundings.ts";
import { truthMemory } from "../overlay/examine/truths.ts";
import type { HostTables } from "../overlay/explain/tables.ts";
import { unlistedNetworks } from "../overlay/unlisted.ts";
import { chosen } from "./chosen-network.ts";
import { type Command, configOf, type Io, parseCommand } from "./command.ts";
import { positiveDuration } from "./config/duration.ts";
import { milliseconds } from "./config/milliseconds.ts";
import type { Config } from "./config/schema.ts";
import { reportOf, type Report, unknownReport } from "./doctor/report.ts";
import { pageOf } from "./doctor/page.ts";
import { errorText } from "./error-text.ts";
import { saveBundle } from "./explain/bundle.ts";
import { liveTables } from "./explain/live.ts";
import { ConfigError, UsageError } from "./exit-codes.ts";
import { oneLook } from "./one-look.ts";

const usage = `usage: overlaywatch doctor [--network N] [--save BUNDLE]
       overlaywatch doctor --cluster [--network N] [--within 15s] [--with BUNDLE]...

Looks into the overlay networks of this host and says what is wrong in them, changing nothing. Needs root. Where a row is not
as the swarm or the cluster store tells, it asks again 10 s later, and pings: only what is told twice is believed.
Around the overlays it looks at the way to other hosts (source address, MTU), the load balancer, and dockerd's log of 15 minutes.
  --network N   only this network, by name or id
  --save BUNDLE also writes what \`overlaywatch explain --with BUNDLE\` needs of this host into a file, secrets left out
  --cluster     all hosts of the fleet, on the gateway's machine: each is asked over the broker for its own containers and
                tables, and those are judged against each other. No store, no swarm and no root is needed. Who does not
                answer is not known: nothing is gone because of it
  --within 15s  that a host has for its answer
  --with BUNDLE in place of asking: what --save wrote on each host; two of each, 10 s apart, to be told twice (the first of all
                within 2 minutes, and so the second)
  --json        {host,engine,networks:[{name,id,vni,netns,vxlan,bridge,driver,endpoints,findings}],verdict,...};
                of --cluster {hosts:[{host,answered,trouble}],networks:[{name,id,findings}],unjudged,verdict}

Example: overlaywatch doctor --network testnet

Exit code 0: nothing active; 1: active findings, something is lost now; 2: could not be judged; 69: --cluster, and the
broker can not be asked, or no host has N and some did not answer.
`;

const exits = { healthy: 0, faulty: 1, unknown: 2 } as const;

const options = {
  network: { type: "string" },
  save: { type: "string" },
  cluster: { type: "boolean" },
  within: { type: "string" },
  with: { type: "string", multiple: true },
} as const;

export const command: Command = {
  summary: "say what is wrong in the overlay networks of this host",
  usage,
  options,
  run: async (args, io) => {
    const { values } = parseCommand(args, options);
    if (values.cluster === true) return ofCluster(values, io);
    if (values.within !== undefined || values.with !== undefined)
      throw new UsageError("--within and --with: they go with --cluster");
    const { config } = configOf(values, io);
    const { network, save } = values;
    const { stdout, stderr } = io;
    const keep: Keep = async (tables) =>
      save === undefined
        ? undefined
        : saveBundle(save, io.cwd, await tables(), new Date(liveClock.now()).toISOString());
    const say = (sentence: string): void => void stderr.write(`${sentence}\n`);
    const report = await judged(config, { network, say, keep }, io.signal);
    if (values.json === true) stdout.write(`${JSON.stringify(report.json, undefined, 1)}\n`);
    else stdout.write(pageOf(report, { colors: stdout.isTTY ?? false, columns: columnsOf(io) }));
    return exits[report.json.verdict];
  },
};

type Values = ReturnType<typeof parseCommand<typeof options>>["values"];

async function ofCluster(values: Values, io: Io): Promise<number> {
  const { network, save, with: bundles = [] } = values;
  if (save !== undefined) throw new UsageError("--save: it is of one host, without --cluster");
  const within = positiveDuration.safeParse(values.within ?? "15s");
  if (!within.success) throw new UsageError(`--within: ${within.error.issues[0]?.message ?? "it is no duration"}`);
  const { config } = configOf(values, io);
  const [{ clusterIn, clusterOf }, { clusterPage }] = await Promise.all([
    import("./doctor/cluster.ts"),
    import("./doctor/cluster-page.ts"),
  ]);
  const { stdout, stderr, signal } = io;
  const say = (sentence: string): void => void stderr.write(`${sentence}\n`);
  const wanted = { network, withinMs: milliseconds(within.data), say, signal };
  const { again: _, ...diagnosis } =
    bundles.length > 0 ? await clusterIn(bundles, io.cwd, network) : await clusterOf(config, wanted);
  if (values.json === true) stdout.write(`${JSON.stringify(diagnosis, undefined, 1)}\n`);
  else stdout.write(clusterPage(diagnosis, { colors: stdout.isTTY ?? false, columns: columnsOf(io) }));
  return exits[diagnosis.verdict];
}

const columnsOf = ({ stdout }: Io): number => Math.max(60, stdout.columns ?? 80);

/** What is done with the tables that were looked at. */
type Keep = (tables: () => Promise<HostTables>) => Promise<void>;

interface Wanted {
  readonly network: string | undefined;
  readonly say: (sentence: string) => void;
  readonly keep: Keep;
}

async function judged(config: Config, wanted: Wanted, signal: AbortSignal): Promise<Report> {
  try {
    const { examination, networks } = await look(config, wanted, signal);
    return reportOf(examination, networks);
  } catch (error) {
    if (error instanceof UsageError || error instanceof ConfigError) throw error;
    signal.throwIfAborted();
    return unknownReport(errorText(error));
  }
}

interface Looked {
  readonly examination: Examination;
  readonly networks: readonly Network[];
}

async function look(config: Config, { network: name, say, keep }: Wanted, signal: AbortSignal): Promise<Looked> {
  const { proc, overlays, watch } = oneLook(config);
  const log = engineLog(config, signal);
  try {
    const [engine, inventory] = await Promise.all([told(overlays.engine(signal)), watch.synced(signal)]);
    const networks = [...inventory.networks, ...unlistedNetworks(inventory)];
    const wanted = name === undefined ? {} : { networks: new Set([chosen(name, networks)]) };
    const truth = { memory: truthMemory(), wait: true, say };
    const looked = { ...wanted, unlisted: true as const, unreadContainers: watch.stats().failing, truth };
    const machine = { proc, overlays, docker: watch };
    const inTables = await examine(machine, engine, looked, signal);
    const around = { log: await log, minutes: logMinutes };
    const examination = withParts(inTables, await lookAround(machine, inTables, around, signal));
    await keep(async () => liveTables({ examination, inventory, overlays, signal }));
    return { examination, networks };
  } finally {
    await watch.close();
  }
}

/** What is older is no news. */
const logMinutes = 15;

/** A log that can not be read is told of: it is no reason to look at nothing. */
async function engineLog({ paths }: Config, signal: AbortSignal) {
  const since = liveClock.now() - logMinutes * 60_000;
  try {
    return await readEngineLog({ root: paths.host_root, since, signal });
  } catch (error) {
    return error instanceof NotAvailable ? error : new NotAvailable(errorText(error), { cause: error });
  }
}

/** What an engine says of itself spares guesses, and is not needed to see a fault. */
export async function told(asked: Promise<EngineInfo>): Promise<EngineInfo | undefined> {
  return asked.catch(() => undefined);
}
