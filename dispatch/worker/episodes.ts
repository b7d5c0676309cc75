import { createHash } from "node:crypto";

/** Milliseconds between two jobs for a fault that stays: each time twice as long. */
const [firstPause, longestPause] = [60_000, 3_600_000];

export interface Episodes {
  /** Something is wrong at that time (milliseconds since the epoch): the id of a job that is to be offered for it now, if any. */
  readonly seen: (now: number) => string | undefined;
  /** The same, where it was seen before and may still be there. */
  readonly wanted: (now: number) => string | undefined;
  /** It was taken. */
  readonly offered: (now: number) => void;
}

interface Episode {
  readonly start: number;
  last: number;
  attempt: number;
  next: number;
}

/**
 * One job for one fault; if that stays, another one, rarer and rarer: in `observe` it may stay for days. When nothing was seen
 * for `gap` milliseconds, what is seen next is another fault.
 */
export function episodes(host: string, gap: number): Episodes {
  let current: Episode | undefined;
  return {
    seen: (now) => {
      if (current === undefined || Math.abs(now - current.last) > gap)
        current = { start: now, last: now, attempt: 0, next: now };
      current.last = now;
      return now < current.next ? undefined : idOf(host, current);
    },
    wanted: (now) =>
      current === undefined || Math.abs(now - current.last) > gap || now < current.next
        ? undefined
        : idOf(host, current),
    offered: (now) => {
      if (current === undefined) return;
      current.next = now + Math.min(longestPause, firstPause * 2 ** current.attempt);
      current.attempt++;
    },
  };
}

const idOf = (host: string, { start, attempt }: Episode): string =>
  createHash("sha256")
    .update(JSON.stringify(["host", host, start, attempt]))
    .digest("hex");
