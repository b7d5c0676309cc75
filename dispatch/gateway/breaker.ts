/** When the whole fleet is to stop. */
export interface BreakerRules {
  /** Milliseconds that a host counts for. */
  readonly windowMs: number;
  /** More than so many different hosts, and more than that share of the fleet, 0 to 1. */
  readonly hosts: number;
  readonly share: number;
}

export interface Breaker {
  /** A host pages, or tells of a job of its own. Why the fleet has to stop now; undefined: it has not to. */
  readonly saw: (host: string, now: number) => string | undefined;
  /** Begins to count anew: after it has opened, and after a person has said that the fleet is to go on. */
  readonly reset: () => void;
}

/**
 * Many hosts at once are no matter of single rows: a control plane, a network or a deployment is the fault, and healing each
 * host would hide it, or make it worse. Pure; times are milliseconds. `fleetSize`: undefined where it is not known, and
 * then every share is enough.
 */
export function fleetBreaker(rules: BreakerRules, fleetSize: () => number | undefined): Breaker {
  const last = new Map<string, number>();
  return {
    saw: (host, now) => {
      last.set(host, now);
      // A clock that was set back makes what was seen be of the future: it counts no longer than that of now.
      for (const [one, at] of last) if (Math.abs(now - at) >= rules.windowMs) last.delete(one);
      const size = fleetSize();
      const isMany = last.size > rules.hosts && (size === undefined || last.size > size * rules.share);
      return isMany ? sentenceOf(last.size, size, rules) : undefined;
    },
    reset: () => last.clear(),
  };
}

function sentenceOf(count: number, size: number | undefined, { windowMs }: BreakerRules): string {
  const all = size === undefined ? "" : ` of ${size}`;
  return `${count}${all} hosts asked for healing within ${Math.round(windowMs / 1000)} s, which is no matter of single hosts`;
}
