import { z } from "zod";
import type { CycleResult } from "./collect.ts";
import { outcomes } from "./collect.ts";
import type { Outputs } from "./outputs.ts";
import type { Session } from "./session.ts";

const time = z.number().describe("milliseconds since the epoch");

const pipelineStateSchema = z.object({
  record: z
    .object({
      entries: z.int(),
      events: z.int(),
      journal: z.string(),
      namespaces: z.array(z.object({ network: z.string(), netns: z.string(), misplaced: z.array(z.string()) })),
    })
    .optional(),
  follow: z
    .object({
      catching_up: z.boolean(),
      lag_seconds: z.number().optional(),
      health: z.enum(["ok", "warning", "critical"]),
      message: z.string().optional(),
    })
    .optional(),
});

export type PipelineState = z.output<typeof pipelineStateSchema>;

/** What a running agent tells of itself to `status`. */
export const runStateSchema = z.object({
  pid: z.int(),
  started: time,
  docker: z.object({
    state: z.enum(["never", "live", "stale"]),
    as_of: time,
    containers: z.int(),
    error: z.string().optional(),
  }),
  series: z.int(),
  collectors: z.array(
    z.object({
      name: z.string(),
      interval_seconds: z.number(),
      runs: z.record(z.enum(outcomes), z.int()),
      last: z
        .object({
          at: time,
          outcome: z.enum(outcomes),
          seconds: z.number(),
          samples: z.int(),
          errors: z.array(z.string()),
          skipped: z.record(z.string(), z.int()),
        })
        .optional(),
    }),
  ),
  sinks: z.array(
    z.object({
      name: z.string(),
      samples: z.int(),
      dropped: z.record(z.string(), z.int()),
      last_error: z.string().optional(),
    }),
  ),
  pipeline: pipelineStateSchema,
  heal: z
    .object({
      mode: z.enum(["observe", "auto", "worker"]),
      last: z.object({ at: time, outcome: z.string(), changes: z.int() }).optional(),
    })
    .optional(),
});

export type RunState = z.output<typeof runStateSchema>;

export interface RunRecord {
  readonly add: (result: CycleResult) => void;
  readonly state: () => RunState;
}

/** Keeps what the last run of each collector gave. */
export function recordRuns(
  pid: number,
  session: Session,
  outputs: Pick<Outputs, "series" | "sinks">,
  pipeline: () => PipelineState = () => ({}),
  heal: () => RunState["heal"] = () => undefined,
): RunRecord {
  const started = session.host.clock.now();
  const last = new Map<string, CycleResult>();
  const runs = new Map(session.jobs.map(({ name }) => [name, { ok: 0, partial: 0, absent: 0, failed: 0, timeout: 0 }]));
  return {
    add: (result) => {
      last.set(result.collector, result);
      const counts = runs.get(result.collector);
      if (counts !== undefined) counts[result.outcome]++;
    },
    state: () => ({
      pid,
      started,
      docker: dockerState(session),
      series: outputs.series(),
      collectors: session.jobs.map(({ name, interval }) => ({
        name,
        interval_seconds: interval / 1000,
        runs: runs.get(name) ?? { ok: 0, partial: 0, absent: 0, failed: 0, timeout: 0 },
        ...lastRun(last.get(name)),
      })),
      sinks: outputs.sinks().map(({ name, stats }) => {
        const { samples, dropped, lastError } = stats();
        return { name, samples, dropped, ...(lastError === undefined ? {} : { last_error: lastError }) };
      }),
      pipeline: pipeline(),
      ...definedHeal(heal()),
    }),
  };
}

const definedHeal = (heal: RunState["heal"]): Pick<RunState, "heal"> => (heal === undefined ? {} : { heal });

function dockerState({ docker }: Session): RunState["docker"] {
  const { state, asOf, containers, error } = docker.inventory();
  return { state, as_of: asOf, containers: containers.length, ...(error === undefined ? {} : { error }) };
}

function lastRun(result: CycleResult | undefined): Pick<RunState["collectors"][number], "last"> {
  if (result === undefined) return {};
  const { at, outcome, seconds, samples, errors, skipped } = result;
  return { last: { at, outcome, seconds, samples: samples.length, errors: errors.map((e) => e.message), skipped } };
}
