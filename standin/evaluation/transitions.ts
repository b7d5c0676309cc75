import type { Transition, Trigger } from "../trigger.ts";
import type { Status } from "./status.ts";

/** When, in milliseconds, a group is told again while it lasts. */
export interface Renotify {
  /** Undefined: never. */
  readonly every: number | undefined;
  readonly statuses: readonly Status[];
  /** How often at most. */
  readonly most: number;
}

/** What was last told of a group. */
export interface Told {
  readonly status: Status;
  readonly at: number;
  /** How often it was told again. */
  readonly times: number;
  /** From the first alert to its recovery. */
  readonly cycle: string;
}

export const untold: Told = { status: "OK", at: 0, times: 0, cycle: "" };

const names: Readonly<Record<Status, readonly [Transition, Transition]>> = {
  OK: ["Recovered", "Recovered"],
  Warn: ["Warn", "Re-Warn"],
  Alert: ["Triggered", "Re-Triggered"],
  "No Data": ["No Data", "Re-No Data"],
};

/** What is to be told of a group that is in that state now, with what is told then; undefined: nothing. */
export function tellingOf(
  before: Told,
  status: Status,
  at: number,
  renotify: Renotify,
  newCycle: () => string,
): (Pick<Trigger, "transition"> & { readonly told: Told }) | undefined {
  const [first, again] = names[status];
  if (status !== before.status) {
    const cycle = before.status === "OK" ? newCycle() : before.cycle;
    return { transition: first, told: { status, at, times: 0, cycle } };
  }
  const { every, statuses, most } = renotify;
  const isDue = every !== undefined && at - before.at >= every && statuses.includes(status) && before.times < most;
  return status !== "OK" && isDue ? { transition: again, told: { ...before, at, times: before.times + 1 } } : undefined;
}
