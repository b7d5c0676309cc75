import { setTimeout as sleep } from "node:timers/promises";
import { setMaxListeners } from "node:events";
import type { Clock } from "../host.ts";
import { readAs } from "./answer.ts";
import type { DockerClient } from "./client.ts";
import { readContainer, readContainerIds } from "./container.ts";
import { DockerError } from "./error.ts";
import { type DockerEvent, eventsPath, readEvent } from "./event.ts";
import { readNetworks } from "./network.ts";
import { type Refresher, refresher } from "./refresh.ts";
import type { InventoryStore } from "./store.ts";

/** How often and how much; all times in milliseconds. */
export interface Pace {
  readonly resyncMs: number;
  /** Deadline of each call. */
  readonly timeoutMs: number;
  /** Inspects at once. */
  readonly concurrency: number;
  /** Events that come within this time are answered by one reading. */
  readonly coalesceMs: number;
  /** The event stream of a hung engine is silent like that of an idle one: only a ping tells them apart. */
  readonly pingMs: number;
  /** A container that could not be inspected is tried again after this time. */
  readonly retryMs: number;
}

export interface SessionParts {
  readonly client: DockerClient;
  readonly clock: Clock;
  readonly pace: Pace;
  readonly store: InventoryStore;
  /** Containers (and `networks`) that could not be read, with the error: last known good, or missing. */
  readonly failing: Map<string, Error>;
  /** An error that does not end the session. */
  readonly onError: (key: string, error: Error) => void;
  /** Docker took the subscription: its events reach us from `since` on. */
  readonly onSubscribed: () => void;
  readonly onEvent: (event: DockerEvent) => void;
  readonly onInspect: () => void;
  /** A whole listing was read. */
  readonly onSynced: () => void;
}

/**
 * One connection's life: subscribe to events, then list, then follow, with a full listing again every `resyncMs`.
 * Never returns: throws what ended it, with all of its calls ended too. Since every reading is of one key and begins
 * after the event or listing that asked for it, no event is lost between list and stream, whatever their order.
 */
export async function session(parts: SessionParts, since: number, outer: AbortSignal): Promise<never> {
  const group = new AbortController();
  setMaxListeners(0, group.signal);
  const end = (): void => group.abort(outer.reason);
  outer.addEventListener("abort", end, { once: true });
  const tasks: Promise<never>[] = [];
  try {
    outer.throwIfAborted();
    tasks.push(...(await start(parts, since, group.signal)));
    return await Promise.race(tasks);
  } finally {
    outer.removeEventListener("abort", end);
    group.abort();
    await Promise.allSettled(tasks);
  }
}

async function start(parts: SessionParts, since: number, signal: AbortSignal): Promise<Promise<never>[]> {
  const { client, pace } = parts;
  const path = eventsPath(since);
  const events = await client.stream(path, { signal, timeoutMs: pace.timeoutMs });
  parts.onSubscribed();
  const refresh = refresher({ ...pace, signal, refresh: async (key) => readOne(parts, key, signal) });
  const ping = async (): Promise<void> => {
    await client.ping({ signal, timeoutMs: pace.timeoutMs });
    parts.store.confirm(parts.clock.now());
  };
  const retry = async (): Promise<void> => void markAll(refresh, parts.failing.keys());
  return [
    followEvents(parts, path, events, refresh),
    every(pace.resyncMs, signal, async () => resync(parts, refresh, signal), "now"),
    every(pace.pingMs, signal, ping),
    every(pace.retryMs, signal, retry),
  ];
}

async function every(ms: number, signal: AbortSignal, act: () => Promise<void>, first?: "now"): Promise<never> {
  if (first !== undefined) await act();
  for (;;) {
    await sleep(ms, undefined, { signal });
    await act();
  }
}

const networksKey = "networks";

async function resync(parts: SessionParts, refresh: Refresher, signal: AbortSignal): Promise<void> {
  const { client, store, failing } = parts;
  const listed = readAs(client, "/containers/json", readContainerIds, await get(parts, "/containers/json", signal));
  const keys = new Set([networksKey, ...listed, ...store.containerIds()]);
  await markAll(refresh, keys);
  signal.throwIfAborted();
  const error = failureOfNetworks(failing) ?? failureOfAll(listed, failing);
  if (error !== undefined) throw error;
  store.live(parts.clock.now());
  parts.onSynced();
}

/** A socket proxy that lets containers through but not networks (403) costs only the names that come from there. */
function failureOfNetworks(failing: ReadonlyMap<string, Error>): Error | undefined {
  const error = failing.get(networksKey);
  return error instanceof DockerError && error.status === 403 ? undefined : error;
}

/** Some unread containers are a partial loss; all of them unread is an engine that does not answer. */
function failureOfAll(ids: readonly string[], failing: ReadonlyMap<string, Error>): Error | undefined {
  return ids.every((id) => failing.has(id)) ? failing.get(ids[0] ?? "") : undefined;
}

async function markAll(refresh: Refresher, keys: Iterable<string>): Promise<void> {
  await Promise.all([...keys].map(async (key) => refresh.mark(key, "urgent")));
}

async function followEvents(
  parts: SessionParts,
  path: string,
  lines: AsyncIterable<unknown>,
  refresh: Refresher,
): Promise<never> {
  for await (const line of lines) {
    const event = readAs(parts.client, path, readEvent, line);
    parts.store.confirm(parts.clock.now());
    if (event === undefined) continue;
    parts.onEvent(event);
    for (const key of touchedBy(event, parts.store)) void refresh.mark(key);
  }
  const detail = "it ended the event stream, as it does when it stops";
  throw new DockerError({ ...parts.client, method: "GET", path }, { kind: "refused", detail });
}

function touchedBy(event: DockerEvent, store: InventoryStore): readonly string[] {
  if (event.type === "container") return [event.id];
  const ofSwarm = event.container === "" || !store.hasNetwork(event.id);
  return [event.container, ofSwarm ? networksKey : ""].filter((key) => key !== "");
}

/** Reads one key into the store; a failure leaves what is known, and is noted in `failing`. */
async function readOne(parts: SessionParts, key: string, signal: AbortSignal): Promise<void> {
  try {
    await (key === networksKey ? readAllNetworks(parts, signal) : inspect(parts, key, signal));
    parts.failing.delete(key);
  } catch (error) {
    if (signal.aborted) return;
    const known = error instanceof Error ? error : new Error(String(error));
    parts.onError(key, known);
    parts.failing.set(key, known);
  }
}

async function readAllNetworks(parts: SessionParts, signal: AbortSignal): Promise<void> {
  const answer = await get(parts, "/networks", signal);
  parts.store.putNetworks(readAs(parts.client, "/networks", readNetworks, answer));
}

async function inspect(parts: SessionParts, id: string, signal: AbortSignal): Promise<void> {
  const path = `/containers/${encodeURIComponent(id)}/json`;
  parts.onInspect();
  const answer = await get(parts, path, signal).catch(ifGone);
  const container = answer === gone ? undefined : readAs(parts.client, path, readContainer, answer);
  if (container === undefined) parts.store.drop(id);
  else parts.store.put(container);
}

const gone = Symbol("gone");

function ifGone(error: unknown): typeof gone {
  if (error instanceof DockerError && error.status === 404) return gone;
  throw error;
}

async function get(parts: SessionParts, path: string, signal: AbortSignal): Promise<unknown> {
  return parts.client.get(path, { signal, timeoutMs: parts.pace.timeoutMs });
}
