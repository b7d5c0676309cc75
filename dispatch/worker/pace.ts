/**
 * How often the helper is asked: each time costs a process of root's, and systemd ends a socket that is asked too often
 * (`TriggerLimitBurst` of its unit) until a person comes. A bucket of turns that fills again with time. `now`: milliseconds.
 */
export interface Pace {
  /** Milliseconds until it may be asked; 0: now. Looks after a cure leave the last turns to what is new. */
  readonly wait: (isNew: boolean, now: number) => number;
  readonly take: (now: number) => void;
}

const [most, everyMs, keptForNew] = [4, 4500, 2] as const;

export function pace(): Pace {
  let [turns, at]: [number, number] = [most, 0];
  const fill = (now: number): void => {
    // A clock that was set back gives nothing, and takes nothing.
    turns = Math.min(most, turns + Math.max(0, now - at) / everyMs);
    at = now;
  };
  return {
    wait: (isNew, now) => {
      fill(now);
      const needed = isNew ? 1 : 1 + keptForNew;
      return Math.max(0, Math.ceil((needed - turns) * everyMs));
    },
    take: (now) => {
      fill(now);
      turns = Math.max(0, turns - 1);
    },
  };
}
