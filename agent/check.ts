import { setTimeout as sleep } from "node:timers/promises";
import type { Tags } from "../emit/sample.ts";
import { printable } from "../emit/console/table.ts";
import { messageOf } from "../host/thrown.ts";
import { type Command, configOf, type Io, parseCommand } from "./command.ts";
import type { CycleResult } from "./collect.ts";
import { durationFlag } from "./ending.ts";
import { byteCounters, quietGauges } from "./catalogue.ts";
import { printEstimate, printSamples } from "./check-output.ts";
import type { Config } from "./config/schema.ts";
import { type Estimate, estimate } from "./estimate.ts";
import { errorText } from "./error-text.ts";
import { exitCodes, UnavailableError, UsageError } from "./exit-codes.ts";
import { silentLog } from "./log.ts";
import { selfMetrics } from "./self-metrics.ts";
import { openSession, type Session } from "./session.ts";

const usage = `usage: overlaywatch check [COLLECTOR...] [--pause 2s] [--raw] [--estimate [--hosts N]]

Collects once and prints what would be sent; nothing is sent.
  --pause DURATION   how long counters may grow between the two readings, default 2s
  --raw              the kernel's cumulative values, from one reading
  --estimate         the distinct series that an hour brings, by collector and profile: what a fleet would pay for.
                     Apart from them, counters that have moved, but too seldom to do so in every hour. The pipeline
                     (record, follow) is not in it: it brings some 10 for each overlay network and 10 for the host.
  --hosts N          of such hosts, for --estimate
  --json             array of {metric, type, value, tags}

Example: overlaywatch check interfaces tcp --pause 10s

Exit code 0: all is collected; 1: a collector failed (said why); 69: Docker does not answer.
`;

const options = {
  pause: { type: "string", default: "2s" },
  raw: { type: "boolean", default: false },
  estimate: { type: "boolean", default: false },
  hosts: { type: "string" },
} as const;

export const command: Command = {
  summary: "collect once and print it",
  usage,
  options,
  run: async (args, io) => {
    const { values, positionals } = parseCommand(args, options, "some");
    const pause = durationFlag("--pause", values.pause);
    const hosts = hostsFlag(values.hosts, values.estimate);
    const { config } = configOf(values, io);
    const raw = values.raw || values.estimate;
    const session = openSession(config, {
      names: positionals.length > 0 ? positionals : undefined,
      raw,
      log: silentLog,
    });
    try {
      const once = values.raw && !values.estimate;
      const [before, results] = await readings(session, once ? undefined : pause, io.signal);
      report(results, io);
      if (values.estimate) printEstimate(estimateOf(before, results, session, hosts, config), values.json ?? false, io);
      else printSamples(session.profiled(results.flatMap((r) => r.samples)), config, values.json ?? false, io);
      return results.every((r) => isGood(r, positionals)) ? exitCodes.ok : exitCodes.failed;
    } finally {
      await session.close();
    }
  },
};

/** What this host lacks, or this user may not see, is no failure of a check that did not ask for it by name. */
const isGood = ({ outcome }: CycleResult, named: readonly string[]): boolean =>
  outcome === "ok" || outcome === "partial" || (outcome === "absent" && named.length === 0);

function hostsFlag(text: string | undefined, estimating: boolean): number {
  if (text === undefined) return 1;
  if (!estimating) throw new UsageError("--hosts goes with --estimate");
  if (!/^[1-9]\d{0,6}$/u.test(text)) throw new UsageError(`--hosts ${text}: expected a number of hosts`);
  return Number(text);
}

/** The agent's own metrics are paid for too. */
function estimateOf(before: Results, after: Results, session: Session, hosts: number, config: Config): Estimate {
  const self = selfMetrics(session, { series: () => 1, dropped: () => [] });
  const observed = [
    ...after.map(({ collector, samples }, index) => ({
      collector,
      before: before[index]?.samples ?? [],
      after: samples,
    })),
    { collector: "agent", before: [], after: after.flatMap(self) },
  ];
  const { containers } = session.docker.inventory();
  const startedAt = new Map(containers.map((one) => [session.tagsOf(one)["container_name"], one.startedAt]));
  const hoursOf = (tags: Tags) => {
    const started = startedAt.get(tags["container_name"]);
    return started === undefined ? undefined : (session.host.clock.now() - started) / 3_600_000;
  };
  const known = { containers, hoursOf, quietGauges: quietGauges(), byteCounters: byteCounters() };
  return estimate(observed, known, hosts, config);
}

type Results = readonly CycleResult[];

/** Two readings, or one in both places where no pause is wanted. */
async function readings(session: Session, pause: number | undefined, signal: AbortSignal): Promise<[Results, Results]> {
  try {
    await session.docker.synced(signal);
  } catch (cause) {
    throw new UnavailableError(messageOf(cause), { cause });
  }
  const cycle = () => Promise.all(session.jobs.map(({ run }) => run(signal)));
  const first = await cycle();
  if (pause === undefined) return [first, first];
  await sleep(pause, undefined, { signal });
  return [first, await cycle()];
}

function report(results: readonly CycleResult[], { stderr }: Io): void {
  for (const { collector, outcome, errors, skipped } of results) {
    for (const error of errors) stderr.write(`${collector}: ${outcome}: ${printable(errorText(error))}\n`);
    const counted = Object.entries(skipped).map(([reason, count]) => `${count} ${reason}`);
    if (counted.length > 0) stderr.write(`${collector}: left out: ${counted.join(", ")}\n`);
  }
}
