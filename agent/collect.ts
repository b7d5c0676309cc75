import { type Collector, type Cycle, type Findings, type Health } from "../collectors/collector.ts";
import { Growth } from "../collectors/growth.ts";
import type { Namespaces } from "../collectors/namespaces.ts";
import type { Sample, Tags } from "../emit/sample.ts";
import type { Container } from "../host/docker/inventory.ts";
import { deadline } from "../host/deadline.ts";
import { type Host, NotAvailable } from "../host/host.ts";

export const outcomes = ["ok", "partial", "absent", "failed", "timeout"] as const;

export interface CycleResult {
  readonly collector: string;
  /** `partial`: some sources failed. `absent`: this host does not have the source. `timeout`: cut at its deadline. */
  readonly outcome: (typeof outcomes)[number];
  /** When it began, in milliseconds since the epoch. */
  readonly at: number;
  readonly seconds: number;
  readonly samples: readonly Sample[];
  /** What failed, or what was absent. */
  readonly errors: readonly Error[];
  readonly skipped: Readonly<Record<string, number>>;
  readonly resets: number;
  /** What the collector said of its health, if it did. */
  readonly health?: Health;
  readonly findings?: Findings;
}

interface RunnerOptions {
  readonly host: Host;
  readonly namespaces: Namespaces;
  readonly tagsOf: (container: Container) => Tags;
  /** Milliseconds after which a run is cut. */
  readonly deadline: number;
  /** Samples carry the kernel's cumulative values, not their growth. */
  readonly raw?: boolean;
}

export type Runner = (signal: AbortSignal) => Promise<CycleResult>;

/** Runs one collector, again and again; what it throws becomes an outcome and never reaches the caller. */
export function runner(collector: Collector, section: unknown, options: RunnerOptions): Runner {
  const collect = collector.create(section);
  const growth = new Growth();
  return async (shutdown) => {
    const { clock } = options.host;
    const [at, began] = [clock.now(), clock.monotonic()];
    const record = newReading();
    const { signal, clear } = deadline(shutdown, options.deadline);
    growth.begin(at);
    const failure = await settle(async () => collect(cycle(options, growth, record, signal)), signal);
    record.closed = true;
    clear();
    return {
      collector: collector.name,
      outcome: outcomeOf(failure, record, signal),
      at,
      seconds: (clock.monotonic() - began) / 1000,
      samples: record.samples,
      errors: failure === undefined ? record.errors : [...record.errors, failure],
      skipped: record.skipped,
      resets: growth.end(),
      ...(record.health === undefined ? {} : { health: record.health }),
      ...(record.findings === undefined ? {} : { findings: record.findings }),
    };
  };
}

interface Reading {
  readonly samples: Sample[];
  readonly errors: Error[];
  readonly skipped: Record<string, number>;
  /** Set when the run is over: a collector that goes on after its deadline is not listened to. */
  closed: boolean;
  health?: Health;
  findings?: Findings;
}

const newReading = (): Reading => ({ samples: [], errors: [], skipped: {}, closed: false });

function cycle(
  { host, namespaces, tagsOf, raw = false }: RunnerOptions,
  growth: Growth,
  record: Reading,
  signal: AbortSignal,
): Cycle {
  const put = (type: Sample["type"], name: string, value: number, tags: Tags) =>
    void (record.closed || record.samples.push({ name, type, value, tags }));
  const skip = (reason: string, by = 1) => {
    if (!record.closed) record.skipped[reason] = (record.skipped[reason] ?? 0) + by;
  };
  const fail = (error: Error) => void (record.closed || record.errors.push(error));
  return {
    host,
    signal,
    tagsOf,
    namespaces: () => {
      const { containers, state, error } = host.docker.inventory();
      if (state === "never") throw new NotAvailable(error ?? "Docker has not answered yet");
      const sweep = namespaces.sweep(containers);
      for (const [reason, count] of Object.entries(sweep.skipped)) skip(reason, count);
      sweep.errors.forEach(fail);
      return sweep.namespaces;
    },
    breathe: breather(signal),
    gauge: (name, value, tags = {}) => put("gauge", name, value, tags),
    counters: (of, tags, values) => {
      if (record.closed) return;
      const tell = (name: string, value: number) => void (tags === undefined || put("count", name, value, tags));
      if (raw) tellAll(values, tell);
      else growth.of(of, values, tell);
    },
    isNew: (of) => growth.isNew(of),
    skip,
    fail,
    health: (health) => {
      if (!record.closed) record.health = health;
    },
    findings: (findings) => {
      if (!record.closed) record.findings = findings;
    },
  };
}

function tellAll(values: Readonly<Record<string, number | undefined>>, tell: (name: string, by: number) => void): void {
  for (const [name, value] of Object.entries(values)) if (value !== undefined) tell(name, value);
}

/** How long a cycle may hold the event loop before others get a turn, in milliseconds. */
const slice = 8;

function breather(signal: AbortSignal): () => Promise<void> {
  let began = performance.now();
  return async () => {
    if (performance.now() - began > slice) {
      await new Promise((resolve) => setImmediate(resolve));
      began = performance.now();
    }
    signal.throwIfAborted();
  };
}

/** The error that the work ended with, if any; a work that ignores the abort is left behind. */
async function settle(work: () => Promise<void>, signal: AbortSignal): Promise<Error | undefined> {
  try {
    signal.throwIfAborted();
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    await Promise.race([work(), aborted]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function outcomeOf(failure: Error | undefined, record: Reading, signal: AbortSignal): CycleResult["outcome"] {
  if (failure instanceof NotAvailable) return "absent";
  if (failure !== undefined) return signal.aborted ? "timeout" : "failed";
  return record.errors.length > 0 ? "partial" : "ok";
}
