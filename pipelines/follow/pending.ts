import type { Sample } from "../../emit/sample.ts";
import type { Cell } from "./series.ts";

/** Counts that belong to one time. */
export type Counts = Map<Cell, number>;

/** Seconds; as long as the Datadog agent's own. */
const width = 10;
/** An entry that is read later than this after it was written is told with its own time; microseconds. */
const lateAfter = 15_000_000;
/** An event's own time is believed when it is at most so long before the entry's; microseconds. */
const believed = 60_000_000;

/** Microseconds since the epoch: when the entry was stored, and when the last event in it was. */
export interface EntryTime {
  readonly stored: number;
  readonly event: number;
}

/** What is not sent yet, as a checkpoint holds it. Buckets by their first second since the epoch. */
export interface PendingState {
  readonly live: Counts;
  readonly late: ReadonlyMap<number, Counts>;
  /** The last bucket that was sent. */
  readonly closed: number;
}

/**
 * Counts on their way. Read soon after they were written they are of now; read late they go into buckets of event time, and
 * each bucket is sent once: Datadog keeps the last of two points of one series and time. What comes for a bucket that was
 * sent goes into the next.
 */
export class Pending {
  #live: Counts;
  readonly #late: Map<number, Counts>;
  #closed: number;
  /** The newest bucket: events still come for it. */
  #newest = 0;

  constructor({ live, late, closed }: PendingState = { live: new Map(), late: new Map(), closed: 0 }) {
    this.#live = live;
    this.#late = new Map(late);
    this.#closed = closed;
  }

  /** Where the counts of an entry go that is read at `now` (microseconds). */
  place({ stored, event }: EntryTime, now: number): Counts {
    if (now - stored < lateAfter) return this.#live;
    const time = event <= stored && stored - event <= believed ? event : stored;
    return this.#bucket(Math.floor(time / 1_000_000 / width) * width);
  }

  /** Where counts go that are of no entry. */
  get live(): Counts {
    return this.#live;
  }

  #bucket(wanted: number): Counts {
    const at = Math.max(wanted, this.#closed + width);
    if (at > this.#newest) this.#newest = at;
    const known = this.#late.get(at);
    if (known !== undefined) return known;
    const made: Counts = new Map();
    this.#late.set(at, made);
    return made;
  }

  get lateBuckets(): number {
    return this.#late.size;
  }

  /** Whether late buckets are there to be sent. */
  isReady(all: boolean): boolean {
    for (const at of this.#late.keys()) if (all || at < this.#newest) return true;
    return false;
  }

  /**
   * The oldest late buckets, whole, up to `limit` samples (one bucket at least), each with a time in its middle: the agent
   * stamps its own points at the beginning of its 10 s. Without `all` the newest stays, for it may still grow.
   */
  takeLate(limit: number, all: boolean): readonly Sample[] {
    const taken: Sample[] = [];
    for (const at of [...this.#late.keys()].toSorted((a, b) => a - b)) {
      const counts = this.#late.get(at) ?? new Map<Cell, number>();
      if ((!all && at >= this.#newest) || (taken.length > 0 && taken.length + counts.size > limit)) break;
      for (const [cell, value] of counts) taken.push(sampleOf(cell, value, at + width / 2));
      this.#late.delete(at);
      this.#closed = Math.max(this.#closed, at);
    }
    return taken;
  }

  /** What is of now; 0 for the others of `known`. */
  takeLive(known: Iterable<Cell>): readonly Sample[] {
    const counts = this.#live;
    this.#live = new Map();
    for (const cell of known) if (!counts.has(cell)) counts.set(cell, 0);
    return Array.from(counts, ([cell, value]) => sampleOf(cell, value));
  }

  /** What was taken and not sent is pending again. `closedBefore` is what `closed` was before it was taken. */
  putBack(taken: readonly (readonly [Cell, number, number | undefined])[], closedBefore: number): void {
    this.#closed = Math.min(this.#closed, closedBefore);
    for (const [cell, value, time] of taken) {
      const counts = time === undefined ? this.#live : this.#bucket(time - width / 2);
      counts.set(cell, (counts.get(cell) ?? 0) + value);
    }
  }

  get closed(): number {
    return this.#closed;
  }

  state(): PendingState {
    return { live: this.#live, late: this.#late, closed: this.#closed };
  }
}

function sampleOf({ name, tags }: Cell, value: number, at?: number): Sample {
  return { name, type: "count", value, tags, ...(at !== undefined && { at }) };
}

/** Adds counts that were of now at `then`, and are so no more at `now` (milliseconds since the epoch). */
export function aged({ live, late, closed }: PendingState, then: number, now: number): PendingState {
  if (live.size === 0 || (now - then) * 1000 < lateAfter) return { live, late, closed };
  const at = Math.max(Math.floor(then / 1000 / width) * width, closed + width);
  const counts = new Map(late.get(at));
  for (const [cell, value] of live) counts.set(cell, (counts.get(cell) ?? 0) + value);
  return { live: new Map(), late: new Map([...late, [at, counts]]), closed };
}
