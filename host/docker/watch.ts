import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../host.ts";
import type { DockerClient } from "./client.ts";
import { DockerError, type DockerErrorKind } from "./error.ts";
import type { DockerEvent } from "./event.ts";
import type { Inventory } from "./inventory.ts";
import { type Listeners, listeners } from "./listeners.ts";
import { type Pace, type SessionParts, session } from "./session.ts";
import { inventoryStore } from "./store.ts";

export interface DockerWatchStats {
  /** Of those that matter to the inventory. */
  readonly events: number;
  readonly inspects: number;
  /** Whole listings, the first included. */
  readonly resyncs: number;
  /** Attempts after the first. */
  readonly reconnects: number;
  readonly errors: Readonly<Record<DockerErrorKind, number>>;
  /** Containers that died without ever having been in the inventory: they came and went too fast. */
  readonly unseen: number;
  /** Containers that can not be inspected now: shown as they were last known, or missing. */
  readonly failing: number;
}

/** What Docker says runs here, kept by its events. */
export interface DockerWatch {
  /** At once: the last known good. */
  readonly inventory: () => Inventory;
  /**
   * The inventory if it is live; else the outcome of the attempt under way, or the error of the last one where the
   * next is yet to come. Rejects with a `DockerError`, or with the signal's reason.
   */
  readonly synced: (signal?: AbortSignal) => Promise<Inventory>;
  /** Called after each change of content (then `revision` has grown) or state. Returns how to end it. */
  readonly onChange: (listener: (inventory: Inventory) => void) => () => void;
  /** Called at each death of a container, with its id; a death while Docker was out of reach is not told. */
  readonly onDie: (listener: (id: string) => void) => () => void;
  readonly stats: () => DockerWatchStats;
  /** Ends all calls at once; the last inventory stays. Resolves when nothing is left that could keep the process. */
  readonly close: () => Promise<void>;
}

export interface DockerWatchOptions extends Partial<Pace> {
  readonly client: DockerClient;
  readonly clock: Clock;
  /** First and longest pause before the next attempt, in milliseconds. */
  readonly backoffMs?: readonly [number, number];
  readonly log: (level: "info" | "warn", message: string) => void;
}

const usual = {
  resyncMs: 5 * 60_000,
  timeoutMs: 5_000,
  concurrency: 4,
  coalesceMs: 100,
  pingMs: 30_000,
  retryMs: 30_000,
  backoffMs: [200, 10_000],
} as const;

export function watchDocker(options: DockerWatchOptions): DockerWatch {
  const given = { ...usual, ...options };
  const changed = listeners<Inventory>(given.log);
  const store = inventoryStore(() => changed.tell(store.inventory()));
  const watch: Watch = {
    ...given,
    pace: given,
    store,
    failing: new Map(),
    tally: newTally(),
    died: listeners(given.log),
    outcomes: listeners(given.log),
    attempt: { error: undefined, told: "" },
  };
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  const running = keepConnected(watch, closing.signal);
  return {
    inventory: store.inventory,
    synced: async (signal) => synced(watch, signal === undefined ? [closing.signal] : [closing.signal, signal]),
    onChange: changed.add,
    onDie: watch.died.add,
    stats: () => ({ ...watch.tally, errors: { ...watch.tally.errors }, failing: watch.failing.size }),
    close: async () => {
      closing.abort(new Error("the watch on Docker was closed"));
      await running;
    },
  };
}

interface Watch extends Pick<SessionParts, "client" | "clock" | "pace" | "store" | "failing"> {
  readonly backoffMs: readonly [number, number];
  readonly log: DockerWatchOptions["log"];
  readonly tally: Tally;
  readonly died: Listeners<string>;
  /** Told at the end of each attempt: undefined when all was read. */
  readonly outcomes: Listeners<Error | undefined>;
  /** `error` of the last attempt, while the next is yet to come; `told`: the kind of loss that the log has. */
  readonly attempt: { error: Error | undefined; told: string };
}

/** One session after another, until closed. */
async function keepConnected(watch: Watch, closing: AbortSignal): Promise<void> {
  let since = watch.clock.now();
  let failures = 0;
  while (!closing.aborted) {
    const began = watch.clock.monotonic();
    const end = await attempt(watch, since, closing);
    if (closing.aborted) return;
    if (end.subscribed) since = watch.clock.now();
    // A stream that some proxy cuts every few seconds must not make a listing every 0.2 s.
    failures = watch.clock.monotonic() - began >= watch.backoffMs[1] ? 0 : failures + 1;
    lost(watch, end.error);
    await sleep(pause(watch.backoffMs, failures), undefined, { signal: closing }).catch(() => undefined);
    watch.tally.reconnects += closing.aborted ? 0 : 1;
  }
}

interface End {
  readonly error: Error;
  readonly subscribed: boolean;
}

async function attempt(watch: Watch, since: number, closing: AbortSignal): Promise<End> {
  let subscribed = false;
  watch.attempt.error = undefined;
  const onSubscribed = (): void => {
    subscribed = true;
  };
  try {
    return await session({ ...watch, ...reactions(watch), onSubscribed }, since, closing);
  } catch (error) {
    return { error: error instanceof Error ? error : new Error(String(error)), subscribed };
  }
}

function reactions(watch: Watch): Pick<SessionParts, "onError" | "onEvent" | "onInspect" | "onSynced"> {
  const { tally, store, failing, log, attempt: state } = watch;
  return {
    onInspect: () => void tally.inspects++,
    onEvent: (event) => {
      tally.events++;
      if (event.type === "container" && event.action === "die") died(watch, event);
    },
    onError: (key, error) => {
      count(tally, error);
      if (!failing.has(key)) log("warn", `${error.message} What was last known of it is kept.`);
    },
    onSynced: () => {
      tally.resyncs++;
      if (state.told !== "")
        log("info", `Docker answers again: ${store.inventory().containers.length} containers run.`);
      state.told = "";
      watch.outcomes.tell(undefined);
    },
  };
}

function died(watch: Watch, event: DockerEvent): void {
  if (!watch.store.has(event.id)) watch.tally.unseen++;
  watch.died.tell(event.id);
}

function lost(watch: Watch, error: Error): void {
  const kind = error instanceof DockerError ? error.kind : error.name;
  if (![...watch.failing.values()].includes(error)) count(watch.tally, error);
  if (watch.attempt.told !== kind)
    watch.log("warn", `${error.message} The last known containers are kept; trying again.`);
  watch.attempt.told = kind;
  watch.store.lost(error.message);
  watch.attempt.error = error;
  watch.outcomes.tell(error);
}

/** Doubled each time up to the longest, with jitter: a fleet's agents must not come back in step. */
function pause([first, longest]: readonly [number, number], failures: number): number {
  return Math.min(longest, first * 2 ** Math.max(0, failures - 1)) * (0.5 + Math.random() / 2);
}

async function synced(watch: Watch, signals: readonly AbortSignal[]): Promise<Inventory> {
  for (const signal of signals) signal.throwIfAborted();
  if (watch.store.inventory().state === "live") return watch.store.inventory();
  if (watch.attempt.error !== undefined) throw watch.attempt.error;
  const done = new AbortController();
  try {
    return await new Promise((resolve, reject) => {
      const forget = watch.outcomes.add((error) =>
        error === undefined ? resolve(watch.store.inventory()) : reject(error),
      );
      done.signal.addEventListener("abort", forget);
      for (const signal of signals) {
        signal.addEventListener("abort", () => reject(reasonOf(signal)), { signal: done.signal });
      }
    });
  } finally {
    done.abort();
  }
}

function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error(String(reason));
}

interface Tally {
  events: number;
  inspects: number;
  resyncs: number;
  reconnects: number;
  unseen: number;
  readonly errors: Record<DockerErrorKind, number>;
}

function newTally(): Tally {
  const errors = { absent: 0, denied: 0, refused: 0, timeout: 0, garbage: 0, status: 0 };
  return { events: 0, inspects: 0, resyncs: 0, reconnects: 0, unseen: 0, errors };
}

function count(tally: Tally, error: Error): void {
  if (error instanceof DockerError) tally.errors[error.kind]++;
}
