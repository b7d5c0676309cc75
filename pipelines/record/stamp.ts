import type { Entry } from "../entry.ts";

/** An entry before it has its place in the epoch. */
export type Draft = Omit<Entry, "host" | "epoch" | "seq" | "total">;

export interface Stamp {
  readonly epoch: string;
  /** Writes the draft as the epoch's next entry. False when it was refused: then it never was, and no number is used. */
  readonly write: (draft: Draft) => boolean;
  readonly entries: () => number;
  /** Netlink events in all entries so far. */
  readonly total: () => number;
}

/** Gives sequence numbers and running totals. `epoch`: 32 random hexadecimal digits; `sink` takes an entry or refuses. */
export function stamping(host: string, epoch: string, sink: (entry: Entry) => boolean): Stamp {
  let seq = 0;
  let total = 0;
  return {
    epoch,
    write: (draft) => {
      const events = draft.kind === "event" ? (draft.count ?? 1) : 0;
      if (!sink({ ...draft, host, epoch, seq: seq + 1, total: total + events })) return false;
      seq++;
      total += events;
      return true;
    },
    entries: () => seq,
    total: () => total,
  };
}
