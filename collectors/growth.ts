import type { CounterIdentity } from "./collector.ts";

type Values = Readonly<Record<string, number | undefined>>;

interface Member {
  readonly values: Values;
  /** The cycle that read it last. */
  readonly cycle: number;
}

interface Group {
  /** Also those that the last cycle did not see: one that comes back with its old counters must not count as new. */
  readonly members: Map<string, Member>;
  /** The cycle that read it last. */
  cycle: number;
  /** Whether a member that is seen for the first time in that cycle began since the one before, at 0. */
  newborn: boolean;
  /** That cycle could not read all of it. */
  partial: boolean;
  /** Members were dropped, so that one that seems new may be one of them. */
  forgetful: boolean;
}

/** No namespace has as many interfaces at once: above it, those that were not seen are forgotten. */
const mostMembers = 1000;

/** Turns cumulative counters into growth, without ever inventing any. */
export class Growth {
  readonly #groups = new Map<string, Group>();
  readonly #keep: number;
  #cycle = 0;
  #now = 0;
  #last = Number.POSITIVE_INFINITY;
  #resets = 0;

  /** Groups that were not read for `keep` cycles are forgotten. */
  constructor(keep = 30) {
    this.#keep = keep;
  }

  /** Starts a cycle at `now`, in milliseconds since the epoch. */
  begin(now: number): void {
    this.#cycle++;
    this.#now = now;
    this.#resets = 0;
  }

  /**
   * Tells what the counters grew by since they were last read; false where that can not be known: at the first reading of
   * something older than the last cycle, and after a decrease (a reset: neither a negative nor a guessed wrap).
   */
  of(counter: CounterIdentity, values: Values, tell: (name: string, by: number) => void): boolean {
    const group = this.#enter(counter);
    group.partial ||= counter.partial ?? false;
    const before = group.members.get(counter.member);
    group.members.set(counter.member, { values, cycle: this.#cycle });
    if (before === undefined && (!group.newborn || counter.uncertain === true)) return false;
    const known = before === undefined || !isReset(before.values, values);
    if (known) tellGrowth(before?.values, values, tell);
    else this.#resets++;
    return known;
  }

  /** Whether it began since the last cycle: if it is not read in this one, the next will count all of it. */
  isNew({ group: name, member, bornAt = 0, uncertain = false }: CounterIdentity): boolean {
    if (uncertain) return false;
    const group = this.#groups.get(name);
    if (group === undefined) return bornAt > this.#last;
    return !group.members.has(member) && (group.cycle === this.#cycle ? group.newborn : this.#wasReadWhole(group));
  }

  /** Ends the cycle. Returns how many resets it saw. */
  end(): number {
    for (const [name, group] of this.#groups) {
      if (group.cycle <= this.#cycle - this.#keep) this.#groups.delete(name);
      else if (group.members.size > mostMembers) forgetUnseen(group);
    }
    this.#last = this.#now;
    return this.#resets;
  }

  #enter({ group: name, bornAt = 0 }: CounterIdentity): Group {
    const group = this.#groups.get(name);
    if (group === undefined) {
      const made = newGroup(this.#cycle, bornAt > this.#last);
      this.#groups.set(name, made);
      return made;
    }
    if (group.cycle === this.#cycle) return group;
    group.newborn = this.#wasReadWhole(group);
    group.cycle = this.#cycle;
    group.partial = false;
    return group;
  }

  /** In the last cycle: what it did not have then began since. */
  #wasReadWhole({ cycle, partial, forgetful }: Group): boolean {
    return cycle === this.#cycle - 1 && !partial && !forgetful;
  }
}

function newGroup(cycle: number, newborn: boolean): Group {
  return { members: new Map(), cycle, newborn, partial: false, forgetful: false };
}

function forgetUnseen(group: Group): void {
  for (const [member, { cycle }] of group.members) {
    if (cycle === group.cycle) continue;
    group.members.delete(member);
    group.forgetful = true;
  }
}

function isReset(before: Values, after: Values): boolean {
  if (before === after) return false;
  return Object.keys(after).some((name) => {
    const [value, base] = [after[name], before[name]];
    return value !== undefined && base !== undefined && value < base;
  });
}

/** Of a new-born (`before` undefined) all counts; otherwise only of what was read both times. */
function tellGrowth(before: Values | undefined, after: Values, tell: (name: string, by: number) => void): void {
  for (const name of Object.keys(after)) {
    const [value, base] = [after[name], before === undefined ? 0 : before[name]];
    if (value !== undefined && base !== undefined) tell(name, value - base);
  }
}
