import { randomBytes } from "node:crypto";
import type { DockerWatch } from "../../host/docker/watch.ts";
import type { Clock, Procfs } from "../../host/host.ts";
import type { Journal } from "../../host/journald/writer.ts";
import type { OverlayNamespace } from "../../overlay/discover.ts";
import type { OverlayWatch } from "../../overlay/watch.ts";
import { type Entry, fieldsOf } from "../entry.ts";
import { shareWindow } from "../ports.ts";
import { type Fold, folding, type Scope } from "./fold.ts";
import { type LocalMacs, localMacs, sameMacs } from "./local.ts";
import { type NamespaceRecorder, type NamespaceStats, recordNamespace } from "./namespace.ts";
import { type Outbox, outbox } from "./outbox.ts";
import { capped } from "./rcvbuf.ts";
import { type Stamp, stamping } from "./stamp.ts";
import { within } from "./within.ts";
import { messageOf } from "../../host/thrown.ts";

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
    pids: () => [...parts.recorders.values()].flatMap(({ recorder }) => recorder.pids()),
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
  readonly recorders: Map<string, Recording>;
  /** Let go of, and not ended yet. */
  readonly ending: Set<Promise<void>>;
  readonly ends: (() => void)[];
  local: ReadonlyMap<string, LocalMacs>;
  closed: Promise<void> | undefined;
}

interface Recording {
  readonly recorder: NamespaceRecorder;
  scope: Scope;
  local: LocalMacs;
}

function partsOf(given: RecorderOptions): Parts {
  const options = { rcvbuf: 8 * 1024 * 1024, windowMs: shareWindow / 1000, ...given };
  const { maxEntries = 100, clock, host, journal } = options;
  const stamp = stamping(host, randomBytes(16).toString("hex"), (entry) =>
    journal.write({ message: entry.message, priority: priorityOf(entry), fields: fieldsOf(entry) }),
  );
  const fold = folding({ maxEntries, write: stamp.write, monotonic: clock.monotonic });
  return {
    options,
    stamp,
    fold,
    out: outbox(fold),
    closing: new AbortController(),
    recorders: new Map(),
    ending: new Set(),
    ends: [],
    local: new Map(),
    closed: undefined,
  };
}

/** As syslog has it. Journald limits rates by priority: heartbeats are of the events' (5 and 6 are one), so that they force its notices out. */
function priorityOf({ kind, state }: Entry): number {
  if (kind === "misplaced" && state === "on") return 4;
  return kind === "overrun" || kind === "gap" ? 5 : 6;
}

async function boot(parts: Parts): Promise<void> {
  const { options, closing } = parts;
  guarded(parts, () => capped(options.rcvbuf, options.log));
  const [since] = await Promise.all([previousOf(parts), dockerAnswers(parts)]);
  if (closing.signal.aborted) return;
  guarded(parts, () => refreshLocal(parts));
  parts.ends.push(options.docker.onChange(() => refreshLocal(parts)));
  parts.ends.push(options.overlays.onChange((all) => sync(parts, all)));
  sync(parts, options.overlays.namespaces());
  startTicks(parts);
  await allReady(parts);
  if (closing.signal.aborted) return;
  const until = Math.round(options.clock.now() * 1000);
  for (const { recorder } of parts.recorders.values()) recorder.due(until);
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

async function allReady({ recorders, closing }: Parts): Promise<void> {
  const all = Promise.all([...recorders.values()].map(async ({ recorder }) => recorder.ready));
  await within(readyMs, all, closing.signal);
}

function startTicks(parts: Parts): void {
  const { out, fold, options } = parts;
  const each = (ms: number, work: () => void): void => {
    const timer = setInterval(() => guarded(parts, work), ms);
    parts.ends.push(() => clearInterval(timer));
  };
  const all = (work: (recorder: NamespaceRecorder) => void) => (): void => {
    for (const { recorder } of parts.recorders.values()) work(recorder);
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
    if (options.docker.inventory().state !== "live") refreshLocal(parts);
  });
  each(heartbeatMs, () => out.say({ kind: "heartbeat", message: `recording ${parts.recorders.size} namespaces` }));
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

const noMacs: LocalMacs = new Map();

function refreshLocal(parts: Parts): void {
  parts.local = localMacs(parts.options.docker.inventory(), parts.options.proc);
  for (const recording of parts.recorders.values()) takeLocal(parts, recording);
}

function takeLocal({ local }: Parts, recording: Recording): void {
  const next = local.get(recording.scope.networkId) ?? noMacs;
  if (sameMacs(recording.local, next)) return;
  recording.local = next;
  recording.recorder.localChanged();
}

function sync(parts: Parts, all: readonly OverlayNamespace[]): void {
  const wanted = new Map(all.filter(isRecorded).map((one) => [`${one.file} ${one.inode}`, one]));
  for (const [key, { recorder }] of parts.recorders) {
    if (wanted.has(key)) continue;
    parts.recorders.delete(key);
    letGo(parts, recorder);
  }
  for (const [key, namespace] of wanted) {
    const recording = parts.recorders.get(key);
    if (recording === undefined) parts.recorders.set(key, pickUp(parts, namespace));
    else rename(parts, recording, scopeOf(namespace));
  }
}

/** Also those of networks that Docker does not tell of (yet): it may be down, or slower than the kernel. */
function isRecorded({ kind, epoch }: OverlayNamespace): boolean {
  return kind === "overlay" || (kind === "orphan" && epoch !== undefined);
}

function scopeOf({ file, network }: OverlayNamespace): Scope {
  const prefix = file.slice(file.indexOf("-") + 1);
  return { netns: file, network: network?.name ?? prefix, networkId: network?.id ?? prefix };
}

function pickUp(parts: Parts, namespace: OverlayNamespace): Recording {
  const { options, fold, out } = parts;
  const scope = scopeOf(namespace);
  const state = { scope, local: parts.local.get(scope.networkId) ?? noMacs };
  const recorder = recordNamespace({
    netns: namespace,
    scope: () => state.scope,
    local: () => state.local,
    fold,
    say: (draft) => {
      out.say(draft);
      if (draft.kind === "misplaced" && draft.state === "on") options.onMisplaced?.();
    },
    clock: options.clock,
    rcvbuf: options.rcvbuf,
    window: options.windowMs * 1000,
    log: options.log,
  });
  return Object.assign(state, { recorder });
}

function rename(parts: Parts, recording: Recording, scope: Scope): void {
  if (scope.networkId === recording.scope.networkId && scope.network === recording.scope.network) return;
  recording.scope = scope;
  takeLocal(parts, recording);
}

function letGo({ ending }: Parts, recorder: NamespaceRecorder): void {
  const end = recorder.close();
  ending.add(end);
  void end.finally(() => ending.delete(end));
}

async function close(parts: Parts, booted: Promise<void>): Promise<void> {
  parts.closing.abort(new Error("the recorder was closed"));
  await booted;
  for (const end of parts.ends.splice(0)) end();
  for (const { recorder } of parts.recorders.values()) letGo(parts, recorder);
  parts.recorders.clear();
  await Promise.all(parts.ending);
  parts.fold.drain();
  parts.out.flush();
  parts.out.say({ kind: "heartbeat", message: "the recorder ends" });
}

function statsOf({ stamp, fold, out, recorders }: Parts): RecorderStats {
  return {
    epoch: stamp.epoch,
    entries: stamp.entries(),
    total: stamp.total(),
    pending: fold.pending(),
    dropped: out.dropped(),
    namespaces: [...recorders.values()].map(({ recorder, scope }) => ({ ...recorder.stats(), ...scope })),
  };
}
