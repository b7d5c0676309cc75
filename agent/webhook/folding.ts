/** Milliseconds. */
const window = 60_000;

export interface Folding {
  /** Whether one more of that key is told now, or only counted. */
  readonly take: (key: string) => boolean;
  /** What was only counted since the last time, by key; nothing of it is counted again. */
  readonly held: () => readonly (readonly [string, number])[];
}

/** So many of each key a minute, so that who can make something happen can not fill a journal with it. `now`: milliseconds. */
export function folding(most: number, now: () => number): Folding {
  const keys = new Map<string, { since: number; told: number; held: number }>();
  return {
    take: (key) => {
      const at = now();
      const one = keys.get(key) ?? { since: at, told: 0, held: 0 };
      keys.set(key, one);
      if (at - one.since >= window || at < one.since) Object.assign(one, { since: at, told: 0 });
      if (one.told < most) return one.told++ >= 0;
      one.held++;
      return false;
    },
    held: () => {
      const all = [...keys].filter(([, { held }]) => held > 0).map(([key, { held }]) => [key, held] as const);
      for (const one of keys.values()) one.held = 0;
      return all;
    },
  };
}
