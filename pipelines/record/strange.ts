export interface StrangeParts {
  /** Dumps of the tables so far. */
  readonly dumps: () => number;
  readonly wantDump: () => void;
  /** No dump tells whose name it is: the process took it before the device was renamed. A new process would not. */
  readonly renew: (name: string) => void;
  /** Milliseconds. */
  readonly monotonic: () => number;
}

/** A process is not renewed more often, in milliseconds: what it misses meanwhile is lost. */
const renewEvery = 30_000;
const namesKept = 64;

/** What to do about names in events that are no device's. */
export function strangeNames(parts: StrangeParts): (name: string) => void {
  /** By name, the number of dumps when it was first met. */
  const met = new Map<string, number>();
  let renewedAt = Number.NEGATIVE_INFINITY;
  return (name) => {
    const dumps = met.get(name);
    if (dumps === undefined) {
      if (met.size >= namesKept) met.clear();
      met.set(name, parts.dumps());
      parts.wantDump();
      return;
    }
    if (parts.dumps() === dumps || parts.monotonic() - renewedAt < renewEvery) return;
    renewedAt = parts.monotonic();
    met.clear();
    parts.renew(name);
  };
}
