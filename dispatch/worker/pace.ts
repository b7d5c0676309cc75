/**
 * How often the helper is asked: each time costs a process of root's, and systemd ends a socket that is asked too often
 * (`TriggerLimitBurst` of its unit) until a person comes. A bucket of turns that fills again with time. `now`: milliseconds.
 */
export interface Pace {
  /** Milliseconds until it may be asked; 0: now. Looks after a cure leave the last turns to what is new. */
  readonly wait: (isNew: boolean, now: number) => number;
  readonly take: (now: number) => void;
}

interface PaceRules {
  /** Turns at once, and milliseconds until there is one more. */
  readonly most: number;
  readonly everyMs: number;
  readonly keptForNew: number;
}

const forJobs: PaceRules = { most: 4, everyMs: 4500, keptForNew: 2 };
/** Of the fleet's pause: turns of their own, which no question and no job takes. Both together are half of what the socket bears. */
export const forPauses: PaceRules = { most: 3, everyMs: 8000, keptForNew: 0 };

export function pace({ most, everyMs, keptForNew }: PaceRules = forJobs): Pace {
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
