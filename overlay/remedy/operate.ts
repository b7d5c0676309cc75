import type { Tables } from "../tables.ts";
import { type Change, isDone } from "./change.ts";
import type { Hands } from "./hands.ts";
import type { Action } from "./plan.ts";

/** A change whose outcome the tables do not show, or that must not be made any more. */
export class NotDone extends Error {
  override readonly name = "NotDone";
}

export type Results = Map<Action, string>;

/** An engine may write a row again between our command and our look. */
const tries = 3;

/**
 * Makes the changes in their order and looks after each. Gives the pin that this kernel did not keep `sticky`, where there
 * is one; all that follow it are not tried then. Throws `NotDone`, or what `hands` throws.
 */
export async function operate(actions: readonly Action[], results: Results, hands: Hands): Promise<Action | undefined> {
  const seen = new Map<string, Tables>();
  for (const action of actions) {
    const before = seen.get(action.netns) ?? (await hands.look(action.netns));
    results.set(action, "begun");
    const after = await perform(action, before, hands).catch((error: unknown) => {
      // What a container left behind is of no concern for the cure of another: it stays.
      if (action.departed !== true || !(error instanceof NotDone)) throw error;
      results.set(action, `not done: ${error.message}`);
      return undefined;
    });
    if (after === undefined) continue;
    seen.set(action.netns, after);
    if (isPlainPin(action.change, after)) return action;
    results.set(action, "done");
  }
  return undefined;
}

async function perform({ netns, change, command, verify }: Action, before: Tables, hands: Hands): Promise<Tables> {
  if (!hasPort(change, before)) throw new NotDone(`${command.join(" ")}: the port is another one by now`);
  let complaint = "";
  for (let count = 0; count < tries; count++) {
    complaint = await hands.run(netns, command);
    const tables = await hands.look(netns);
    if (isDone(change, tables) || isPlainPin(change, tables)) return tables;
  }
  throw new NotDone(`${command.join(" ")} was run ${tries} times, and not seen: ${verify}. ${complaint}`.trim());
}

/** Docker gives the name of a veth that went to the next one. */
function hasPort(change: Change, { links }: Tables): boolean {
  if (change.kind !== "pin") return true;
  return links.some(({ name, ifindex }) => name === change.dev && ifindex === change.ifindex);
}

/** In its place, but learning would move it: kernels before 4.20 do not know the flag, and ignore it. */
function isPlainPin(change: Change, { fdb }: Tables): boolean {
  if (change.kind !== "pin") return false;
  const row = fdb.find(
    ({ mac, ifname, master }) => mac === change.mac && ifname === change.dev && master !== undefined,
  );
  return row?.state === "static" && !row.flags.includes("sticky");
}
