import { setTimeout as sleep } from "node:timers/promises";
import { type Command, configOf, parseCommand } from "./command.ts";
import type { CycleResult } from "./collect.ts";
import { aborted, endingOf } from "./ending.ts";
import { exitCodes } from "./exit-codes.ts";
import { type Log, streamLog } from "./log.ts";
import { every } from "./schedule.ts";
import { selfMetrics } from "./self-metrics.ts";
import { recordRuns, type RunRecord } from "./run-state.ts";
import { hostKey, type Job, openSession, type Session } from "./session.ts";
import { serveStatus } from "./status-socket.ts";
import { type Outputs, openOutputs } from "./outputs.ts";

const usage = `usage: overlaywatch run [NAME...] [--sink SINK]... [--for DURATION]

Runs everything that is enabled, or only the named collectors, until SIGTERM.
  --sink SINK      dogstatsd, console (a live table) or none; may be given several times
  --for DURATION   ends by itself after that time
`;

export const command: Command = {
  summary: "collect and send, until SIGTERM",
  usage,
  run: async (args, io) => {
    const { values, positionals } = parseCommand(args, {
      sink: { type: "string", multiple: true },
      for: { type: "string" },
    });
    const sinks = values.sink?.flatMap((names) => names.split(","));
    const { config } = configOf(
      values,
      io,
      sinks === undefined ? [] : [{ path: ["sinks", "enabled"], value: sinks, origin: "--sink" }],
    );
    const ending = endingOf(values.for, io.signal);
    const log = streamLog(io.stderr);
    const session = openSession(config, { names: positionals, log });
    const outputs = await openOutputs(config, session, io);
    const record = recordRuns(io.pid, session, outputs);
    const status = await serveStatus(config.paths.state_dir, io.pid, record.state).catch((error: unknown) => {
      log.warn(`\`status\` will not see this agent: ${messageOf(error)}`);
    });
    await serve({ session, outputs, log, record, self: selfMetrics(session, outputs) }, ending);
    status?.close();
    return exitCodes.ok;
  },
};

/** How long a run that is under way, and then each sink, may take at the end, in milliseconds. */
const grace = 500;

interface Running {
  readonly session: Session;
  readonly outputs: Outputs;
  readonly log: Log;
  readonly record: RunRecord;
  readonly self: ReturnType<typeof selfMetrics>;
}

async function serve(running: Running, ending: AbortSignal): Promise<void> {
  const { session, outputs, log } = running;
  const underWay = new Set<Promise<void>>();
  const cycle = (run: Job["run"]) => {
    const one = run(ending).then((result) => deliver(result, running, ending));
    underWay.add(one);
    return one.finally(() => underWay.delete(one));
  };
  const synced = session.docker.synced(ending).catch((e: unknown) => log.warn(`${messageOf(e)}; trying again`));
  await Promise.race([synced, aborted(ending)]);
  const stops = session.jobs.map((job) => {
    // The first reading only sets the counters' base: the next one, at its even second, is the first to send.
    void cycle(job.run);
    const missed = () => log.warn(`${job.name}: a run came due while the last one had not ended: left out`, job.name);
    return every({ name: job.name, interval: job.interval, host: hostKey(), run: () => cycle(job.run), missed });
  });
  await aborted(ending);
  await Promise.all(stops.map((stop) => stop()));
  await Promise.race([Promise.allSettled(underWay), sleep(grace)]);
  await Promise.race([outputs.close(), sleep(2 * grace)]);
  await Promise.race([session.close(), sleep(grace / 2)]);
}

function deliver(result: CycleResult, { session, outputs, log, record, self }: Running, ending: AbortSignal): void {
  const cut = ending.aborted && result.outcome === "timeout";
  outputs.write(result.samples, result.at);
  if (cut) return;
  tell(result, log);
  record.add(result);
  outputs.writeSelf(self(result), result.at);
  const { state, error = "Docker does not answer" } = session.docker.inventory();
  outputs.serviceCheck("docker.can_connect", state === "live" ? undefined : error);
  for (const sink of outputs.sinks()) {
    const { lastError } = sink.stats();
    if (lastError !== undefined) log.warn(`${sink.name}: ${lastError}`);
  }
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
