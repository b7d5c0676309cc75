import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { type Command, configOf, parseCommand } from "./command.ts";
import type { CycleResult } from "./collect.ts";
import { aborted, endingOf } from "./ending.ts";
import { exitCodes, UsageError } from "./exit-codes.ts";
import { type Log, streamLog, telegrafHead } from "./log.ts";
import { onStdin } from "./on-stdin.ts";
import { every } from "./schedule.ts";
import { selfMetrics } from "./self-metrics.ts";
import { hostKey, openSession, type Session } from "./session.ts";
import { type Outputs, openOutputs } from "./outputs.ts";

const usage = `usage: overlaywatch run [NAME...] [--sink SINK]... [--on-stdin] [--for DURATION]

Runs everything that is enabled, or only the named collectors, until SIGTERM.
  --sink SINK      dogstatsd, influx (lines on stdout, for telegraf's inputs.execd), console (a live table) or none;
                   may be given several times
  --on-stdin       with influx: collects at each newline on stdin, and ends with stdin (signal = "STDIN")
  --for DURATION   ends by itself after that time
`;

export const command: Command = {
  summary: "collect and send, until SIGTERM",
  usage,
  run: async (args, io) => {
    const { values, positionals } = parseCommand(args, {
      sink: { type: "string", multiple: true },
      "on-stdin": { type: "boolean", default: false },
      for: { type: "string" },
    });
    const sinks = values.sink?.flatMap((names) => names.split(","));
    const { config } = configOf(values, io, [
      ...(sinks === undefined ? [] : [{ path: ["sinks", "enabled"], value: sinks, origin: "--sink" }]),
      ...(values["on-stdin"] ? [{ path: ["sinks", "influx", "on_stdin"], value: true, origin: "--on-stdin" }] : []),
    ]);
    const influx = config.sinks.enabled.includes("influx");
    if (values["on-stdin"] && !influx) throw new UsageError("--on-stdin: goes with --sink influx only");
    const over = new AbortController();
    const ending = AbortSignal.any([endingOf(values.for, io.signal), over.signal]);
    const log = streamLog(io.stderr, influx ? telegrafHead : undefined);
    const session = openSession(config, { names: positionals, log });
    const outputs = await openOutputs(config, session, io, () => over.abort());
    const agent = { session, outputs, log, ending };
    await serve(agent, influx && config.sinks.influx.on_stdin ? onEachLine(io.stdin) : onSchedule);
    return exitCodes.ok;
  },
};

/** How long a run that is under way, and then each sink, may take at the end, in milliseconds. */
const grace = 500;

interface Agent {
  readonly session: Session;
  readonly outputs: Outputs;
  readonly log: Log;
  readonly ending: AbortSignal;
}

type Cycle = (run: Session["jobs"][number]["run"]) => Promise<void>;

/** What decides when collectors run. Resolves when no more runs will come. */
type Pace = (agent: Agent, cycle: Cycle, synced: Promise<unknown>) => Promise<void>;

async function serve(agent: Agent, pace: Pace): Promise<void> {
  const { session, outputs, log, ending } = agent;
  const self = selfMetrics(session, outputs);
  const running = new Set<Promise<void>>();
  const cycle: Cycle = (run) => {
    const one = run(ending).then((result) => deliver(result, session, outputs, self, log, ending));
    running.add(one);
    return one.finally(() => running.delete(one));
  };
  const synced = Promise.race([
    session.docker.synced(ending).catch((e: unknown) => log.warn(`${messageOf(e)}; trying again`)),
    aborted(ending),
  ]);
  await pace(agent, cycle, synced);
  await Promise.race([Promise.allSettled(running), sleep(grace)]);
  await Promise.race([outputs.close(), sleep(2 * grace)]);
  await Promise.race([session.close(), sleep(grace / 2)]);
}

const onSchedule: Pace = async ({ session, log, ending }, cycle, synced) => {
  await synced;
  const stops = session.jobs.map(({ name, interval, run }) => {
    // The first reading only sets the counters' base: the next one, at its even second, is the first to send.
    void cycle(run);
    return every({
      name,
      interval,
      host: hostKey(),
      run: () => cycle(run),
      missed: () => log.warn(`${name}: a run came due while the last one had not ended: left out`, name),
    });
  });
  await aborted(ending);
  await Promise.all(stops.map((stop) => stop()));
};

const onEachLine =
  (input: Readable): Pace =>
  ({ session, log, ending: signal }, cycle, synced) =>
    onStdin(input, {
      answer: async () => {
        await synced;
        await Promise.all(session.jobs.map(({ run }) => cycle(run)));
      },
      missed: () => log.warn("newlines come faster on stdin than collections end: one was left out"),
      signal,
    });

type SelfMetrics = ReturnType<typeof selfMetrics>;

function deliver(
  result: CycleResult,
  { docker }: Session,
  outputs: Outputs,
  self: SelfMetrics,
  log: Log,
  ending: AbortSignal,
): void {
  const cut = ending.aborted && result.outcome === "timeout";
  if (!cut) tell(result, log);
  outputs.write(result.samples, result.at);
  if (cut) return;
  outputs.writeSelf(self(result), result.at);
  const { state, error = "Docker does not answer" } = docker.inventory();
  outputs.canConnect(state === "live" ? undefined : error);
  for (const trouble of outputs.troubles()) log.warn(trouble);
}

/** `absent` is a normal state of some hosts: said once by the first warning, never at each run. */
function tell({ collector, outcome, errors }: CycleResult, log: Log): void {
  const [first] = errors;
  if (first === undefined) return;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  const level = outcome === "failed" || outcome === "timeout" ? "error" : "warn";
  log[level](`${collector}: ${outcome}: ${first.message}${more}`, `${collector} ${outcome}`);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
