import type { Entry } from "../entry.ts";

/** How far one recorder's life has been read. */
export interface EpochMark {
  readonly epoch: string;
  readonly seq: number;
  readonly total: number;
}

/** What an entry is to those before it. */
export interface Step {
  /** Read before: not to be counted again. */
  readonly replay: boolean;
  /** Netlink events in entries between the last one read and this one. */
  readonly lost: number;
  /** Entries are missing before this one, whether they held events or not. */
  readonly hole: boolean;
}

const replayed: Step = { replay: true, lost: 0, hole: false };

/** A host restarts its recorder now and then; a cursor that fell back does not go back that far. */
const kept = 64;

/**
 * The truth about what was read is an entry's number within its recorder's life, whatever the cursor does: a number at or
 * below the last is a replay, and the running total tells exactly what a hole cost.
 */
export class Epochs {
  /** In the order in which they were last seen. */
  readonly #marks = new Map<string, { seq: number; total: number }>();
  #current: string | undefined;
  /** Whether an entry was ever read: what was before the very first one is not ours to miss. */
  #begun: boolean;

  constructor(marks: readonly EpochMark[] = []) {
    for (const { epoch, seq, total } of marks) this.#marks.set(epoch, { seq, total });
    this.#current = marks.at(-1)?.epoch;
    this.#begun = marks.length > 0;
  }

  /** The recorder that wrote the last entry. */
  get current(): string | undefined {
    return this.#current;
  }

  take({ epoch, seq, total }: EpochMark, own: number): Step {
    const mark = this.#marks.get(epoch);
    if (mark === undefined) return this.#begin({ epoch, seq, total }, own);
    if (seq <= mark.seq) return replayed;
    const step = { replay: false, lost: Math.max(0, total - own - mark.total), hole: seq > mark.seq + 1 };
    mark.seq = seq;
    // One that went down is a recorder's error: to follow it down would count a later loss that was none.
    mark.total = Math.max(mark.total, total);
    if (epoch !== this.#current) this.#moveLast(epoch, mark);
    return step;
  }

  #begin({ epoch, seq, total }: EpochMark, own: number): Step {
    const missed = this.#begun && seq > 1;
    this.#begun = true;
    this.#moveLast(epoch, { seq, total });
    const [oldest] = this.#marks.keys();
    if (this.#marks.size > kept && oldest !== undefined) this.#marks.delete(oldest);
    return { replay: false, lost: missed ? Math.max(0, total - own) : 0, hole: missed };
  }

  #moveLast(epoch: string, mark: { seq: number; total: number }): void {
    this.#marks.delete(epoch);
    this.#marks.set(epoch, mark);
    this.#current = epoch;
  }

  marks(): readonly EpochMark[] {
    return [...this.#marks].map(([epoch, mark]) => ({ epoch, ...mark }));
  }
}

/** Netlink events that an entry itself holds. */
export const ownEvents = ({ kind, count = 1 }: Pick<Entry, "kind" | "count">): number => (kind === "event" ? count : 0);
