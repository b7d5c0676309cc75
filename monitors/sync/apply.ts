import { messageOf } from "../../host/thrown.ts";
import { readOne } from "./actual.ts";
import { canonical } from "./canonical.ts";
import type { Difference } from "./difference.ts";
import { fingerprint } from "./json.ts";
import type { Change } from "./plan.ts";
import { Refusal } from "./refusal.ts";
import { validateMonitor } from "./validate.ts";
import { create, remove, update, type World } from "./write.ts";

/** What came of one change. */
export interface Step {
  readonly change: Change;
  readonly id?: string;
  /** `left`: not begun, because of an earlier error or because the program was told to end. `unknown`: nobody knows whether it was done. */
  readonly result: "done" | "failed" | "unknown" | "left";
  readonly error?: string;
  /** What the API keeps otherwise than it was sent. */
  readonly keptOtherwise: readonly Difference[];
}

/** An object is no longer as it was when the plan was made. Nothing was done. */
export class Stale extends Error {
  override readonly name = "Stale";
}

/** Throws `Stale` where any object of the plan has changed since; each is read anew. Throws `Refusal`. */
export async function refuseStale({ api }: World, changes: readonly Change[]): Promise<readonly Backup[]> {
  const checked = await Promise.all(changes.map((change) => check(api, change)));
  const stale = checked.flatMap((one) => one.stale ?? []);
  if (stale.length > 0) throw new Stale(`${stale.join("; ")} since the plan was made: nothing was done; plan again`);
  return checked.flatMap((one) => one.backup ?? []);
}

async function check(
  api: World["api"],
  change: Change,
): Promise<{ readonly stale?: string; readonly backup?: Backup }> {
  const { kind, key, id, seen } = change;
  if (id === undefined) return {};
  const found = await readOne(api, kind, id);
  if (found === undefined) return { stale: `${told(change)} is gone` };
  if (fingerprint(canonical(kind, found.body)) !== seen) return { stale: `${told(change)} was changed` };
  return { backup: { kind, key, id, body: found.body } };
}

/** An object as it was before a change. */
export type Backup = Pick<Change, "kind" | "key"> & { readonly id: string; readonly body: Change["body"] & {} };

/**
 * Does what the changes say, one after the other, and tells of each. An object that the API refuses does not hold up the others,
 * but nothing is deleted then; keys or a network that fail end it. Never throws for what the API says.
 */
export async function perform(
  world: World,
  changes: readonly Change[],
  tell: (step: Step, number: number) => void,
): Promise<readonly Step[]> {
  const steps: Step[] = [];
  let [isOver, hasFailed] = [false, false];
  for (const change of changes) {
    const isLeft = isOver || (hasFailed && change.action === "delete");
    const { hopeless = false, ...step } = isLeft ? leave(change) : await tryStep(world, change);
    isOver ||= hopeless;
    hasFailed ||= step.result === "failed" || step.result === "unknown";
    steps.push(step);
    tell(step, steps.length);
  }
  return steps;
}

type Tried = Step & { readonly hopeless?: boolean };

const leave = (change: Change): Tried => ({ change, result: "left", keptOtherwise: [] });

async function tryStep(world: World, change: Change): Promise<Tried> {
  try {
    return { change, result: "done", ...(await act(world, change)) };
  } catch (error) {
    if (!(error instanceof Refusal)) return failed(change, error, true, "unknown");
    return failed(change, error, error.hopeless, error.done === "unknown" ? "unknown" : "failed");
  }
}

function failed(change: Change, error: unknown, hopeless: boolean, result: "failed" | "unknown"): Tried {
  return {
    change,
    result,
    error: messageOf(error),
    hopeless,
    keptOtherwise: [],
  };
}

async function act(world: World, change: Change): Promise<Pick<Step, "id" | "keptOtherwise">> {
  const { action, kind, key, id, body } = change;
  // What the API would refuse to make again is not deleted for it.
  if (action === "replace" && kind === "monitor" && body !== undefined) await validateMonitor(world.api, key, body);
  if (id !== undefined && action !== "create" && action !== "update") await remove(world, kind, key, id);
  if (body === undefined) return { keptOtherwise: [] };
  const target = { kind, key, body };
  return action === "update" && id !== undefined ? update(world, target, { id }) : create(world, target);
}

const told = ({ kind, key, id }: Change): string => `the ${kind} ${key} (${id})`;
