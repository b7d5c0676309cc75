import { NotAvailable } from "../../host/host.ts";
import type { Tables } from "../tables.ts";
import { isDone } from "./change.ts";
import type { Hands } from "./hands.ts";
import type { UndoFile } from "./undo-file.ts";
import { type Now, type UndoAction, type UndoOptions, undoPlan, type UndoPlan } from "./undo-plan.ts";

export interface TakenBack {
  /** Whether nothing is left to be taken back. */
  readonly done: boolean;
  readonly actions: readonly UndoAction[];
  /** Left as they are, and why. */
  readonly kept: UndoPlan["kept"];
  /** Complaints of the programs, where it is not done. */
  readonly complaints: readonly string[];
}

/** Enough for an engine that writes a row again between two of our commands. */
const rounds = 5;

/**
 * Takes back what an undo file says, by what the tables show now; ends when they show that nothing is left. A step whose
 * outcome is not seen begins a new round: what follows it (a pin that goes) may only be done after it.
 */
export async function takeBack(file: UndoFile, options: UndoOptions, hands: Hands): Promise<TakenBack> {
  const actions: UndoAction[] = [];
  const complaints: string[] = [];
  for (let round = 0; ; round++) {
    const plan = undoPlan(file, await lookAtAll(file, hands), options);
    const done = plan.actions.length === 0;
    if (done || round === rounds) return { done, actions, kept: plan.kept, complaints: done ? [] : complaints };
    for (const action of plan.actions) {
      actions.push(action);
      const said = await hands.run(action.netns, action.command);
      if (said !== "") complaints.push(said);
      if (!isUndone(action, await hands.look(action.netns))) break;
    }
  }
}

async function lookAtAll({ namespaces }: UndoFile, hands: Hands): Promise<ReadonlyMap<string, Now>> {
  const now = new Map<string, Now>();
  for (const { file, key } of namespaces) {
    try {
      now.set(file, { key, tables: await hands.look(file) });
    } catch (error) {
      // Gone, and its rows with it; `undoPlan` says so.
      if (!(error instanceof NotAvailable)) throw error;
    }
  }
  return now;
}

/** Traffic may move a learned row within a millisecond: what counts is that nothing holds the MAC any more. */
function isUndone({ change }: UndoAction, tables: Tables): boolean {
  if (change.kind !== "put-bridge-row" && change.kind !== "drop-bridge-row") return isDone(change, tables);
  return !tables.fdb.some(({ mac, flags, state }) => {
    return mac === change.mac && (flags.includes("sticky") || (state === "static" && !flags.includes("self")));
  });
}
