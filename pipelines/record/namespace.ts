import { printable } from "../../host/iproute2/error.ts";
import { type Clock, NotAvailable } from "../../host/host.ts";
import { messageOf } from "../../host/thrown.ts";
import type { RecorderSocket } from "../entry.ts";
import { moveWatch } from "../moves.ts";
import { portClock } from "../ports.ts";
import { readPorts, resync } from "./dump.ts";
import type { Counted, Fold, Scope } from "./fold.ts";
import { intake, type Models } from "./intake.ts";
import { interfaceModel } from "./interfaces.ts";
import { type IpProcess, superviseIp } from "./ip-process.ts";
import { type MisplacedWatch, misplacedWatch, type Suspect } from "./misplaced.ts";
import type { Draft } from "./stamp.ts";
import { strangeNames } from "./strange.ts";
import { gapOf, heldOf, type Loss, minuteOf, misplacedOf, overrunOf } from "./sentences.ts";
import { type ByObject, countInto, newTally, shareInto, type Tally } from "./tally.ts";

export interface NamespaceOptions {
  readonly netns: { readonly file: string; readonly path: string; readonly inode: number };
  readonly scope: () => Scope;
  /** Containers of this host on this network, by MAC. */
  readonly local: () => ReadonlyMap<string, string>;
  readonly fold: Fold;
  /** For what is no event. */
  readonly say: (draft: Draft) => void;
  readonly clock: Clock;
  readonly rcvbuf: number;
  /** Microseconds. */
  readonly window: number;
  readonly log: (level: "info" | "warn", message: string) => void;
}

export interface NamespaceStats {
  readonly ready: boolean;
  readonly lines: number;
  readonly unknown: number;
  readonly restarts: number;
  /** Messages that the kernel dropped, by socket. Only those of `bridge` are lost FDB events. */
  readonly overruns: Readonly<Record<RecorderSocket, number>>;
  readonly resyncs: number;
  readonly events: ByObject;
  readonly moves: number;
  readonly flaps: number;
  readonly misplaced: readonly string[];
}

/** The recorder of one overlay namespace. */
export interface NamespaceRecorder {
  /** Resolves when both sockets listen and the tables have been read, or when it is closed. */
  readonly ready: Promise<void>;
  /** Somebody counts on it from `at` on, in microseconds since the epoch: if it is not ready, it says when it is. */
  readonly due: (at: number) => void;
  /** Several times a second. */
  readonly look: () => void;
  /** Every second. */
  readonly lookAtDrops: () => void;
  /** Once a minute. */
  readonly summarise: () => void;
  /** The local containers are others now. */
  readonly localChanged: () => void;
  readonly stats: () => NamespaceStats;
  readonly pids: () => readonly number[];
  /** Lets go of the namespace at once; resolves when nothing holds it and all that was printed has been taken. */
  readonly close: () => Promise<void>;
}

/** Between two dumps, in milliseconds: a storm must not be answered by a storm of dumps. */
const dumpEvery = 1000;

export function recordNamespace(options: NamespaceOptions): NamespaceRecorder {
  const state = newState(options);
  const misplaced = misplacedWatch(misplacedParts(options, state));
  const processes = { bridge: supervise("bridge", options, state), inet: supervise("inet", options, state) };
  state.processes = processes;
  const both = [processes.bridge, processes.inet];
  localChanged(options, state);
  options.say(heldOf(options.scope(), "up"));
  return {
    ready: state.ready.promise,
    due: (at) => {
      for (const one of both) one.due(at);
    },
    look: () => look(options, state, misplaced),
    lookAtDrops: () => {
      for (const one of both) one.look();
    },
    summarise: () => summarise(options, state, misplaced),
    localChanged: () => localChanged(options, state),
    stats: () => statsOf(state, both, misplaced),
    pids: () => both.flatMap((one) => one.pid() ?? []),
    close: () => close(options, state, misplaced),
  };
}

interface State {
  readonly models: Models;
  readonly closing: AbortController;
  readonly ready: { readonly promise: Promise<void>; readonly resolve: () => void };
  readonly counts: { lines: number; unknown: number; resyncs: number; moves: number; flaps: number };
  readonly overruns: Record<RecorderSocket, number>;
  readonly events: ByObject;
  processes: Readonly<Record<RecorderSocket, IpProcess>> | undefined;
  minute: Tally;
  dump: { wanted: boolean; running: boolean; next: number };
  closed: Promise<void> | undefined;
}

const noOne = (): void => undefined;

function newState({ window }: NamespaceOptions): State {
  let resolve = noOne;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return {
    models: { interfaces: interfaceModel(), ports: portClock(window), moves: moveWatch(window) },
    closing: new AbortController(),
    ready: { promise, resolve },
    counts: { lines: 0, unknown: 0, resyncs: 0, moves: 0, flaps: 0 },
    overruns: { bridge: 0, inet: 0 },
    events: {},
    processes: undefined,
    minute: newTally(),
    dump: { wanted: true, running: false, next: Number.NEGATIVE_INFINITY },
    closed: undefined,
  };
}

function supervise(socket: RecorderSocket, options: NamespaceOptions, state: State): IpProcess {
  const { netns, rcvbuf, clock, log } = options;
  const take = intake(socket, {
    ...state.models,
    scope: options.scope,
    local: options.local,
    fold: options.fold,
    counted: (event) => counted(state, event),
    unknown: () => void state.counts.unknown++,
    wantDump: () => wantDump(options, state),
    strange: strangeNames({
      dumps: () => state.counts.resyncs,
      wantDump: () => wantDump(options, state),
      renew: (name) => renew(socket, name, options, state),
      monotonic: clock.monotonic,
    }),
  });
  return superviseIp({
    socket,
    netns,
    rcvbuf,
    clock,
    log,
    line: (line) => {
      state.counts.lines++;
      take(line);
    },
    started: () => state.models.interfaces.restart(socket),
    ready: (since) => ready(socket, options, state, since),
    dropped: (count, since, until) => dropped(socket, options, state, { count, since, until }),
  });
}

function renew(socket: RecorderSocket, name: string, { netns, log }: NamespaceOptions, state: State): void {
  log(
    "info",
    `${printable(name)} is no device of ${netns.file}: ip for the ${socket} socket is started again, to learn names anew`,
  );
  state.processes?.[socket].renew();
}

function counted({ minute, events, counts }: State, event: Counted): void {
  countInto(minute, event);
  const key = `${event.object} ${event.action}` as const;
  events[key] = (events[key] ?? 0) + 1;
  counts.moves += event.moves;
  counts.flaps += event.flaps;
}

function ready(socket: RecorderSocket, options: NamespaceOptions, state: State, since: number | undefined): void {
  const until = now(options.clock);
  if (since !== undefined) {
    options.say(gapOf(options.scope(), socket, { since, until }));
  }
  wantDump(options, state);
}

function dropped(socket: RecorderSocket, options: NamespaceOptions, state: State, loss: Loss): void {
  state.overruns[socket] += loss.count;
  options.say(overrunOf(options.scope(), socket, loss));
  // The other socket's are FDB events too, most of them, which it would have thrown away.
  if (socket === "bridge") wantDump(options, state);
}

function wantDump(options: NamespaceOptions, state: State): void {
  state.dump.wanted = true;
  startDump(options, state);
}

function startDump(options: NamespaceOptions, state: State): void {
  const { dump, closing } = state;
  if (!dump.wanted || dump.running || closing.signal.aborted) return;
  const began = options.clock.monotonic();
  const awaited = isReady(state) && state.counts.resyncs === 0;
  if (began < dump.next && !awaited) return;
  dump.wanted = false;
  dump.running = true;
  void runDump(options, state).finally(() => {
    dump.running = false;
    // A large table takes long, and it is largest in a storm.
    dump.next = began + Math.max(dumpEvery, 10 * (options.clock.monotonic() - began));
    if (state.counts.resyncs === 0) startDump(options, state);
  });
}

const isReady = ({ processes }: State): boolean =>
  processes !== undefined && processes.bridge.isReady() && processes.inet.isReady();

async function runDump(options: NamespaceOptions, state: State): Promise<void> {
  const complete = isReady(state);
  try {
    await resync(options.netns, state.models, options.local, () => now(options.clock), state.closing.signal);
    if (complete) state.counts.resyncs++;
    if (complete) state.ready.resolve();
    else state.dump.wanted = true;
  } catch (error) {
    state.dump.wanted = true;
    if (state.closing.signal.aborted || error instanceof NotAvailable) return;
    options.log("warn", `the tables of ${printable(options.netns.file)} can not be read: ${messageOf(error)}`);
  }
}

function look(options: NamespaceOptions, state: State, misplaced: MisplacedWatch): void {
  startDump(options, state);
  const local = options.local();
  const largest = state.models.ports.largest(now(options.clock));
  if (largest !== undefined && largest.share > 0)
    shareInto(state.minute, largest.share, local.get(largest.mac) ?? largest.mac);
  misplaced.look(local.keys());
}

function misplacedParts(options: NamespaceOptions, state: State) {
  const { models, closing } = state;
  return {
    readPorts: () => readPorts(options.netns, models.interfaces, closing.signal),
    share: (mac: string) => models.ports.share(mac, now(options.clock)),
    container: (mac: string) => options.local().get(mac),
    say: (on: "on" | "off", suspect: Suspect) => options.say(misplacedOf(options.scope(), on, suspect)),
    doubt: () => wantDump(options, state),
    failed: (error: unknown) => {
      if (closing.signal.aborted || error instanceof NotAvailable) return;
      options.log("warn", `cannot confirm what is misplaced on ${options.scope().network}: ${messageOf(error)}`);
    },
    monotonic: options.clock.monotonic,
  };
}

function summarise(options: NamespaceOptions, state: State, misplaced: MisplacedWatch): void {
  options.say(minuteOf(options.scope(), state.minute, misplaced.on()));
  state.minute = newTally();
}

function localChanged(options: NamespaceOptions, state: State): void {
  const macs = new Set(options.local().keys());
  state.models.ports.own(macs);
  state.models.moves.own(macs);
  // Where a container that is new to Docker's inventory is was told before it was known as local.
  wantDump(options, state);
}

function statsOf(state: State, both: readonly IpProcess[], misplaced: MisplacedWatch): NamespaceStats {
  return {
    ...state.counts,
    ready: both.every((one) => one.isReady()),
    restarts: both.reduce((sum, one) => sum + one.restarts(), 0),
    overruns: { ...state.overruns },
    events: { ...state.events },
    misplaced: misplaced.on(),
  };
}

function close(options: NamespaceOptions, state: State, misplaced: MisplacedWatch): Promise<void> {
  state.closed ??= end(options, state, misplaced);
  return state.closed;
}

async function end(options: NamespaceOptions, state: State, misplaced: MisplacedWatch): Promise<void> {
  state.closing.abort(new Error(`the recorder let go of ${options.netns.file}`));
  await Promise.all([state.processes?.bridge.close(), state.processes?.inet.close()]);
  state.ready.resolve();
  misplaced.end();
  options.say(heldOf(options.scope(), "down"));
}

const now = (clock: Clock): number => Math.round(clock.now() * 1000);
