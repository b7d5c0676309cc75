import type { EventAction, EventObject } from "../entry.ts";
import { entryBudget, type Budget } from "./budget.ts";
import type { Draft } from "./stamp.ts";

/** The namespace that an event is of. */
export interface Scope {
  readonly netns: string;
  readonly network: string;
  readonly networkId: string;
}

/** One event as far as it is counted. */
export interface Counted {
  readonly object: EventObject;
  readonly action: EventAction;
  /** Microseconds since the epoch. */
  readonly at: number;
  /** Of a local container, else empty: what others hosts have must not make keys without end. */
  readonly mac: string;
  readonly container: string | undefined;
  /** 1 or 0. */
  readonly moves: number;
  readonly flaps: number;
  readonly vtepChanges: number;
}

export interface Fold {
  /** Writes the event as an entry of its own while there is room for it, else counts it into a folded one. */
  readonly add: (scope: Scope, event: Counted, single: () => Draft) => void;
  /** Any other entry: it counts against the budget and is never held back by it. False when it was refused. */
  readonly urgent: (draft: Draft) => boolean;
  /** Writes what was folded, as far as the budget allows; to be called every 250 ms. */
  readonly flush: () => void;
  /** Writes all that was folded whatever the budget says: the end. */
  readonly drain: () => void;
  /** Events that were folded and are not written yet. */
  readonly pending: () => number;
  /** The time of the oldest of them, in microseconds since the epoch. */
  readonly oldest: () => number | undefined;
}

export interface FoldOptions {
  readonly maxEntries: number;
  /** False when the entry can not be taken now. */
  readonly write: (draft: Draft) => boolean;
  /** Milliseconds. */
  readonly monotonic: () => number;
}

export function folding({ maxEntries, write, monotonic }: FoldOptions): Fold {
  const state: State = { scopes: new Map(), budget: entryBudget(maxEntries, monotonic), write };
  // Single entries leave room for the folded ones, which come last, and those for what is never held back.
  const reserve = Math.floor(maxEntries / 4);
  const reserveForUrgent = Math.ceil(maxEntries / 10);
  return {
    add: (scope, event, single) => {
      const folded = state.scopes.get(scope.netns);
      // Behind what is folded comes only what is folded too: the order of time is kept.
      if (folded === undefined && state.budget.left() > reserve && write(single())) state.budget.spend();
      else count(folded ?? openScope(state, scope), event);
    },
    urgent: (draft) => {
      const taken = write(draft);
      if (taken) state.budget.spend();
      return taken;
    },
    flush: () => flush(state, state.budget.left() - reserveForUrgent),
    drain: () => flush(state, Number.POSITIVE_INFINITY),
    pending: () => allOf(state).reduce((events, { folded }) => events + folded.count, 0),
    oldest: () => {
      const times = allOf(state).map(({ folded }) => folded.since);
      return times.length === 0 ? undefined : Math.min(...times);
    },
  };
}

interface State {
  /** Only those that have something folded. */
  readonly scopes: Map<string, OpenScope>;
  readonly budget: Budget;
  readonly write: (draft: Draft) => boolean;
}

interface OpenScope {
  scope: Scope;
  readonly keys: Map<string, Folded>;
}

interface Folded {
  readonly object: EventObject;
  readonly action: EventAction;
  readonly mac: string;
  readonly container: string | undefined;
  count: number;
  moves: number;
  flaps: number;
  vtepChanges: number;
  since: number;
  until: number;
}

function openScope(state: State, scope: Scope): OpenScope {
  const open: OpenScope = { scope, keys: new Map() };
  state.scopes.set(scope.netns, open);
  return open;
}

function count({ keys }: OpenScope, event: Counted): void {
  const key = `${event.object} ${event.action} ${event.mac}`;
  const folded = keys.get(key);
  if (folded === undefined) {
    const { at, ...rest } = event;
    keys.set(key, { ...rest, count: 1, since: at, until: at });
    return;
  }
  folded.count++;
  folded.moves += event.moves;
  folded.flaps += event.flaps;
  folded.vtepChanges += event.vtepChanges;
  folded.since = Math.min(folded.since, event.at);
  folded.until = Math.max(folded.until, event.at);
}

interface Waiting {
  readonly open: OpenScope;
  readonly key: string;
  readonly folded: Folded;
}

function allOf(state: State): Waiting[] {
  return [...state.scopes.values()].flatMap((open) => [...open.keys].map(([key, folded]) => ({ open, key, folded })));
}

function flush(state: State, room: number): void {
  let waiting = allOf(state);
  if (waiting.length > room) {
    for (const open of state.scopes.values()) withoutMacs(open);
    waiting = allOf(state);
  }
  waiting.sort((a, b) => a.folded.since - b.folded.since);
  for (const one of waiting.slice(0, Math.max(0, room))) if (!put(state, one)) return;
}

function put({ scopes, budget, write }: State, { open, key, folded }: Waiting): boolean {
  if (!write(draftOf(open.scope, folded))) return false;
  budget.spend();
  open.keys.delete(key);
  if (open.keys.size === 0) scopes.delete(open.scope.netns);
  return true;
}

/** One key for all MACs: more keys than entries may be written. */
function withoutMacs({ keys }: OpenScope): void {
  for (const [key, { object, action, ...folded }] of keys) {
    if (folded.mac === "") continue;
    keys.delete(key);
    const merged = `${object} ${action} `;
    const all = keys.get(merged);
    keys.set(merged, { ...sum(folded, all), object, action, mac: "", container: undefined });
  }
}

type Sums = Pick<Folded, "count" | "moves" | "flaps" | "vtepChanges" | "since" | "until">;

function sum(one: Sums, other: Sums | undefined): Sums {
  if (other === undefined) return one;
  return {
    count: one.count + other.count,
    moves: one.moves + other.moves,
    flaps: one.flaps + other.flaps,
    vtepChanges: one.vtepChanges + other.vtepChanges,
    since: Math.min(one.since, other.since),
    until: Math.max(one.until, other.until),
  };
}

function draftOf(scope: Scope, { mac, container, ...folded }: Folded): Draft {
  return {
    kind: "event",
    ...scope,
    ...folded,
    ...(mac === "" ? {} : { mac }),
    ...(container === undefined ? {} : { container }),
    message: sentence(scope, { mac, container, ...folded }),
  };
}

function sentence({ network }: Scope, folded: Folded): string {
  const seconds = ((folded.until - folded.since) / 1e6).toFixed(3);
  const of = folded.container ?? folded.mac;
  const parts = [
    `${folded.count} ${folded.object} ${folded.action} ${folded.count === 1 ? "event" : "events"} in ${seconds} s`,
    ...(of === "" ? [] : [`of ${of}`]),
    `on ${network}`,
  ];
  const more = [
    ...(folded.moves > 0 ? [`${folded.moves} moves`] : []),
    ...(folded.flaps > 0 ? [`${folded.flaps} flaps`] : []),
    ...(folded.vtepChanges > 0 ? [`${folded.vtepChanges} VTEP changes`] : []),
  ];
  return [parts.join(" "), ...more].join(", ");
}
