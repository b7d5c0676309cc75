const minute = 60_000;

/** How many keys are remembered: beyond it the oldest are forgotten, so that many addresses cost no memory. */
const mostKeys = 10_000;

export interface Rates {
  /** Counts one more of `key`; false where that is more than `limit` since its minute began. `now`: milliseconds. */
  readonly take: (key: string, now: number) => boolean;
}

export function ratesOf(limit: number): Rates {
  const windows = new Map<string, { readonly since: number; taken: number }>();
  return {
    take: (key, now) => {
      const known = windows.get(key);
      const isOver = known === undefined || now - known.since >= minute || now < known.since;
      const window = isOver ? { since: now, taken: 0 } : known;
      if (isOver) {
        windows.delete(key);
        windows.set(key, window);
        const [oldest] = windows.keys();
        if (windows.size > mostKeys && oldest !== undefined) windows.delete(oldest);
      }
      return ++window.taken <= limit;
    },
  };
}
