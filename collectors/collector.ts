import type { z } from "zod";
import type { MetricTable, NamesOf } from "../emit/metric.ts";
import type { Tags } from "../emit/sample.ts";
import type { Container } from "../host/docker/inventory.ts";
import type { Host } from "../host/host.ts";
import type { Finding } from "../overlay/diagnose/finding.ts";
import type { Namespace } from "./namespaces.ts";

/** Whose cumulative counters these are. Growth is only ever taken between two readings of the same one. */
export interface CounterIdentity {
  /** What lives and dies as a whole: one life of one network namespace. */
  readonly group: string;
  /** One member of it: an interface by its index. */
  readonly member: string;
  /** When the group began with all counters at 0, in milliseconds since the epoch, where that is known. */
  readonly bornAt?: number;
  /** It may be an old one that looks new: its first reading then never counts. */
  readonly uncertain?: boolean;
  /** Some members of the group could not be read in this cycle: one that comes in the next may be old. */
  readonly partial?: boolean;
}

/** How what a collector watches is: the status of a service check. */
export interface Health {
  readonly status: "ok" | "warning" | "critical" | "unknown";
  readonly message?: string;
}

/** A finding, and where it was found: nothing of both names is the host as a whole. */
export interface Found {
  readonly finding: Finding;
  readonly network?: { readonly id: string; readonly name: string };
  readonly netns?: string;
}

/** All that one cycle found, and the names of the namespaces that it could not judge. */
export interface Findings {
  readonly found: readonly Found[];
  readonly unseen: ReadonlySet<string>;
}

/** One run of a collector. Throw `NotAvailable` where the host lacks the source; `fail` for a partial loss. */
export interface Cycle<Gauge extends string = string, Count extends string = string> {
  readonly host: Host;
  /** Aborted at the collector's deadline and at shutdown. */
  readonly signal: AbortSignal;
  /** The network namespaces of the containers that the user wants, each once. Looked up when called: once a cycle is enough. */
  readonly namespaces: () => readonly Namespace[];
  readonly tagsOf: (container: Container) => Tags;
  /** To await between two pieces of work: lets others run where the cycle has held the event loop for some milliseconds. Throws once the cycle is aborted. */
  readonly breathe: () => Promise<void>;
  readonly gauge: (name: Gauge, value: number, tags?: Tags) => void;
  /**
   * The kernel's cumulative values; the agent takes the growth. All that is read is told, also what the user does not want,
   * without tags: otherwise it would look new, and count whole, once it is wanted.
   */
  readonly counters: (
    of: CounterIdentity,
    tags: Tags | undefined,
    values: Readonly<Partial<Record<Count, number>>>,
  ) => void;
  /** Whether this counter began since the last cycle. One that is held back for a cycle then still counts in full. */
  readonly isNew: (of: CounterIdentity) => boolean;
  /** Something was left out for a normal reason (`host_network`, `gone`): counted by reason, not an error. */
  readonly skip: (reason: string) => void;
  readonly fail: (error: Error) => void;
  /** For a collector that has a service check of its own. */
  readonly health: (health: Health) => void;
  /** For a collector that judges: noted in the journal where something changed. */
  readonly findings: (findings: Findings) => void;
}

/** A cycle that takes only the names of one table. */
export type CycleOf<M extends MetricTable> = Cycle<NamesOf<M, "gauge">, NamesOf<M, "count">>;

export interface Collector {
  readonly name: string;
  readonly summary: string;
  /** It runs only where the user asks for it. */
  readonly startsDisabled?: true;
  readonly config: z.ZodObject;
  readonly metrics: MetricTable;
  /** Parses its own section, so that whoever runs it needs no type of it. State lives in the closure. */
  readonly create: (section: unknown) => (cycle: Cycle) => Promise<void>;
}

interface Definition<S extends z.ZodObject, M extends MetricTable> {
  /** Folder, registry name and config key. */
  readonly name: string;
  /** First sentence of the README. */
  readonly summary: string;
  readonly startsDisabled?: true;
  /** A strict object whose every option has `.default()` and `.describe()`. */
  readonly config: S;
  readonly metrics: M;
  readonly create: (config: z.output<S>) => (cycle: CycleOf<M>) => Promise<void>;
}

export function defineCollector<S extends z.ZodObject, const M extends MetricTable>(d: Definition<S, M>) {
  return { ...d, create: (section: unknown): ((cycle: Cycle) => Promise<void>) => d.create(d.config.parse(section)) };
}
