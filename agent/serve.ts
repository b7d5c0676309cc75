import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Findings, Health } from "../collectors/collector.ts";
import type { CycleResult } from "./collect.ts";
import { aborted } from "./ending.ts";
import { errorText } from "./error-text.ts";
import type { Healing } from "./heal.ts";
import type { Log } from "./log.ts";
import { onStdin } from "./on-stdin.ts";
import type { Outputs } from "./outputs.ts";
import type { Pipeline } from "./pipeline.ts";
import type { RunRecord } from "./run-state.ts";
import { every } from "./schedule.ts";
import { selfMetrics } from "./self-metrics.ts";
import { checkOf } from "./service-checks.ts";
import { hostKey } from "./host-key.ts";
import type { Job, Session } from "./session.ts";

export interface Agent {
  readonly session: Session;
  readonly outputs: Outputs;
  readonly record: RunRecord;
  readonly pipeline: Pick<Pipeline, "close">;
  readonly healing?: Pick<Healing, "found" | "close"> | undefined;
  /** Notes what changed between two looks of a collector that judges. */
  readonly noteFindings: (findings: Findings) => void;
  /** Writes what the journal is still to take. */
  readonly closeJournal: () => Promise<void>;
  readonly log: Log;
  /** Aborted when the agent is to end. */
  readonly ending: AbortSignal;
}

type Cycle = (job: Job) => Promise<void>;

/** What decides when collectors run. Resolves when no more runs will come. */
type Pace = (agent: Agent, cycle: Cycle, synced: Promise<unknown>) => Promise<void>;

/** How long a run that is under way, and then each sink, may take at the end, in milliseconds. */
export const grace = 500;

/** Runs the collectors at the pace, delivers what they give, and ends within 2 s of the signal. */
export async function serve(agent: Agent, pace: Pace): Promise<void> {
  const { session, outputs, pipeline, log, ending } = agent;
  const self = selfMetrics(session, outputs);
  const underWay = new Set<Promise<void>>();
  const cycle: Cycle = (job) => {
    const one = runOnce(job, agent, self);
    underWay.add(one);
    return one.finally(() => underWay.delete(one));
  };
  const synced = session.docker.synced(ending).catch((e: unknown) => {
    if (!ending.aborted) log.warn(`${errorText(e).replace(/\.$/u, "")}; trying again`);
  });
  await pace(agent, cycle, Promise.race([synced, aborted(ending)]));
  const last = Promise.race([Promise.allSettled(underWay), sleep(grace)]);
  const half = Promise.race([pipeline.close(), sleep(1.5 * grace)]);
  await Promise.all([last, half, agent.healing?.close()]);
  await Promise.race([agent.closeJournal(), sleep(grace)]);
  await Promise.race([outputs.close(), sleep(2 * grace)]);
}

/** Each collector at its even seconds. */
export const onSchedule: Pace = async ({ session, log, ending }, cycle, synced) => {
  await synced;
  const stops = session.jobs.map((job) => {
    // The first reading only sets the counters' base: the next one, at its even second, is the first to send.
    const first = cycle(job);
    return every({
      name: job.name,
      interval: job.interval,
      host: hostKey(),
      // Two at once would mix up what each takes for the last reading.
      run: async () => {
        await first;
        await cycle(job);
      },
      missed: () => log.warn(`${job.name}: a run came due while the last one had not ended: left out`, job.name),
    });
  });
  await aborted(ending);
  await Promise.all(stops.map((stop) => stop()));
};

/** All collectors at each newline, until the input ends. */
export const onEachLine =
  (input: Readable): Pace =>
  ({ session, log, ending: signal }, cycle, synced) =>
    onStdin(input, {
      answer: async () => {
        await synced;
        await Promise.all(session.jobs.map(cycle));
      },
      missed: () => log.warn("newlines come faster on stdin than collections end: one was left out"),
      signal,
    });

async function runOnce(job: Job, agent: Agent, self: ReturnType<typeof selfMetrics>): Promise<void> {
  const result = await job.run(agent.ending);
  deliver(result, agent);
  if (!wasCut(result, agent)) agent.outputs.writeSelf(self(result), result.at);
}

function deliver(result: CycleResult, agent: Agent): void {
  const { session, outputs, record, log } = agent;
  outputs.write(result.samples, result.at);
  if (wasCut(result, agent)) return;
  tell(result, log);
  record.add(result);
  if (result.findings !== undefined) agent.noteFindings(result.findings);
  agent.healing?.found(result);
  const { state, error = "Docker does not answer" } = session.docker.inventory();
  outputs.serviceCheck(
    "docker.can_connect",
    state === "live" ? { status: "ok" } : { status: "critical", message: error },
  );
  const check = checkOf[result.collector];
  if (check !== undefined) outputs.serviceCheck(check, healthOf(result));
  for (const sink of outputs.sinks()) {
    const { lastError } = sink.stats();
    if (lastError !== undefined) log.warn(`${sink.name}: ${lastError}`);
  }
}

/** What a collector could not look at is not known to be well. */
function healthOf({ health, errors }: CycleResult): Health {
  const [first] = errors;
  return health ?? { status: "unknown", message: first === undefined ? "not judged" : errorText(first) };
}

/** By the end of the program, not by a deadline: nobody's fault. */
const wasCut = ({ outcome }: CycleResult, { ending }: Agent): boolean => ending.aborted && outcome === "timeout";

/** `absent` is a normal state of some hosts: said once by the first warning, never at each run. */
function tell({ collector, outcome, errors }: CycleResult, log: Log): void {
  const [first] = errors;
  if (first === undefined) return;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  const level = outcome === "failed" || outcome === "timeout" ? "error" : "warn";
  log[level](`${collector}: ${outcome}: ${errorText(first)}${more}`, `${collector} ${outcome}`);
}
