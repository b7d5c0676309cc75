import { randomBytes } from "node:crypto";
import type { DockerWatch } from "../../host/docker/watch.ts";
import type { Clock, Procfs } from "../../host/host.ts";
import type { Journal } from "../../host/journald/writer.ts";
import { messageOf } from "../../host/thrown.ts";
import type { OverlayWatch } from "../../overlay/watch.ts";
import { type Entry, fieldsOf } from "../entry.ts";
import { shareWindow } from "../ports.ts";
import { type Fold, folding, type Scope } from "./fold.ts";
import type { NamespaceRecorder, NamespaceStats } from "./namespace.ts";
import { type Outbox, outbox } from "./outbox.ts";
import { capped } from "./rcvbuf.ts";
import { Recordings } from "./recordings.ts";
import { type Stamp, stamping } from "./stamp.ts";
import { within } from "./within.ts";

export interface RecorderOptions {
  readonly overlays: OverlayWatch;
  readonly docker: Pick<DockerWatch, "inventory" | "onChange">;
  readonly proc: Pick<Procfs, "open">;
  readonly journal: Pick<Journal, "write">;
  readonly clock: Clock;
  /** Name of this host, as it stands in the entries. */
  readonly host: string;
  /**
   * Up to when an earlier recorder has written all that happened (`recordedUntil`), in microseconds since the epoch;
   * asked first of all.
   */
  readonly previous: (signal: AbortSignal) => Promise<number | undefined>;
  /** Entries a second; what is more is folded. */
  readonly maxEntries?: number;
  /** Bytes of each netlink socket's receive buffer. */
  readonly rcvbuf?: number;
  /** Of the shares of time on the vxlan port, in milliseconds. */
  readonly windowMs?: number;
  readonly log: (level: "info" | "warn", message: string) => void;
  /** A local MAC is on the vxlan port: told at once, and again while it lasts. */
  readonly onMisplaced?: () => void;
}

export interface RecorderStats {
  readonly epoch: string;
  readonly entries: number;
  /** Netlink events in all entries so far. */
  readonly total: number;
  /** Folded, and not written yet. */
  readonly pending: number;
  /** Entries that are no events, given up because the journal took none for long. */
  readonly dropped: number;
  readonly namespaces: readonly (NamespaceStats & Scope)[];
}

export interface Recorder {
  /** Resolves when the namespaces that were there at the start are recorded, and a gap before that is said. */
  readonly ready: Promise<void>;
  readonly stats: () => RecorderStats;
  /** Process numbers of the `ip` that listen. */
  readonly pids: () => readonly number[];
  /** Ends every `ip` and writes what is left. The journal is the caller's to close. */
  readonly close: () => Promise<void>;
}

const tickMs = 250;
const dropsMs = 1000;
const heartbeatMs = 10_000;
const summaryMs = 60_000;
/** A namespace that can not be read must not hold back for ever that the recorder was not at work. */
const readyMs = 10_000;
/** How long to wait for Docker's first answer. */
const dockerMs = 1000;

export function startRecorder(given: RecorderOptions): Recorder {
  const parts = partsOf(given);
  const booted = boot(parts);
  return {
    ready: booted,
    stats: () => statsOf(parts),
    pids: () => parts.recordings.recorders().flatMap((recorder) => recorder.pids()),
    close: () => {
      parts.closed ??= close(parts, booted);
      return parts.closed;
    },
  };
}

interface Parts {
  readonly options: RecorderOptions & { readonly rcvbuf: number; readonly windowMs: number };
  readonly stamp: Stamp;
  readonly fold: Fold;
  readonly out: Outbox;
  readonly closing: AbortController;
  readonly recordings: Recordings;
  readonly ends: (() => void)[];
  closed: Promise<void> | undefined;
}

function partsOf(given: RecorderOptions): Parts {
  const options = { rcvbuf: 8 * 1024 * 1024, windowMs: shareWindow / 1000, ...given };
  const { maxEntries = 100, clock, host, journal } = options;
  const stamp = stamping(host, randomBytes(16).toString("hex"), (entry) =>
    journal.write({ message: entry.message, priority: priorityOf(entry), fields: fieldsOf(entry) }),
  );
  const fold = folding({ maxEntries, write: stamp.write, monotonic: clock.monotonic });
  const out = outbox(fold);
  const recordings = new Recordings(options, fold, out);
  return { options, stamp, fold, out, recordings, closing: new AbortController(), ends: [], closed: undefined };
}

/** As syslog has it. Journald limits rates by priority: heartbeats are of the events' (5 and 6 are one), so that they force its notices out. */
function priorityOf({ kind, state }: Entry): number {
  if (kind === "misplaced" && state === "on") return 4;
  return kind === "overrun" || kind === "gap" ? 5 : 6;
}

async function boot(parts: Parts): Promise<void> {
  const { options, closing, recordings } = parts;
  guarded(parts, () => capped(options.rcvbuf, options.log));
  const [since] = await Promise.all([previousOf(parts), dockerAnswers(parts)]);
  if (closing.signal.aborted) return;
  guarded(parts, () => recordings.refreshLocal());
  parts.ends.push(options.docker.onChange(() => recordings.refreshLocal()));
  parts.ends.push(options.overlays.onChange((all) => recordings.sync(all)));
  recordings.sync(options.overlays.namespaces());
  startTicks(parts);
  await allReady(parts);
  if (closing.signal.aborted) return;
  const until = Math.round(options.clock.now() * 1000);
  for (const recorder of recordings.recorders()) recorder.due(until);
  if (since === undefined) return;
  const message = `no recorder was at work on ${options.host}: what happened then is unknown`;
  parts.out.say({ kind: "gap", since: Math.min(since, until), until, message });
}

async function previousOf({ options, closing }: Parts): Promise<number | undefined> {
  try {
    return await options.previous(closing.signal);
  } catch (error) {
    if (!closing.signal.aborted) options.log("warn", `cannot tell when a recorder was last at work: ${String(error)}`);
    return undefined;
  }
}

/** Its first answer, so that entries have names of networks and containers; a Docker that is down is not waited for. */
async function dockerAnswers({ options: { docker }, closing }: Parts): Promise<void> {
  if (docker.inventory().state !== "never") return;
  const ends: (() => void)[] = [];
  const answer = new Promise<void>((resolve) => {
    ends.push(docker.onChange(() => resolve()));
  });
  await within(dockerMs, answer, closing.signal);
  for (const end of ends) end();
}

async function allReady({ recordings, closing }: Parts): Promise<void> {
  const all = Promise.all(recordings.recorders().map(async ({ ready }) => ready));
  await within(readyMs, all, closing.signal);
}

function startTicks(parts: Parts): void {
  const { out, fold, options, recordings } = parts;
  const each = (ms: number, work: () => void): void => {
    const timer = setInterval(() => guarded(parts, work), ms);
    parts.ends.push(() => clearInterval(timer));
  };
  const all = (work: (recorder: NamespaceRecorder) => void) => (): void => {
    for (const recorder of recordings.recorders()) work(recorder);
  };
  const look = all((recorder) => recorder.look());
  each(tickMs, () => {
    out.flush();
    fold.flush();
    look();
  });
  const lookAtDrops = all((recorder) => recorder.lookAtDrops());
  each(dropsMs, () => {
    lookAtDrops();
    if (options.docker.inventory().state !== "live") recordings.refreshLocal();
  });
  each(heartbeatMs, () => out.say({ kind: "heartbeat", message: `recording ${recordings.size} namespaces` }));
  each(
    summaryMs,
    all((recorder) => recorder.summarise()),
  );
}

function guarded({ options }: Parts, work: () => void): void {
  try {
    work();
  } catch (error) {
    options.log("warn", `the recorder: ${messageOf(error)}`);
  }
}

async function close(parts: Parts, booted: Promise<void>): Promise<void> {
  parts.closing.abort(new Error("the recorder was closed"));
  await booted;
  for (const end of parts.ends.splice(0)) end();
  await parts.recordings.close();
  parts.fold.drain();
  parts.out.flush();
  parts.out.say({ kind: "heartbeat", message: "the recorder ends" });
}

function statsOf({ stamp, fold, out, recordings }: Parts): RecorderStats {
  return {
    epoch: stamp.epoch,
    entries: stamp.entries(),
    total: stamp.total(),
    pending: fold.pending(),
    dropped: out.dropped(),
    namespaces: recordings.stats(),
  };
}
