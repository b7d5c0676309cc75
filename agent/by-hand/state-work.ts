import { join } from "node:path";
import { finish, undoFolder } from "../../host/undo-folder.ts";
import type { Io } from "../command.ts";
import type { Config } from "../config/schema.ts";
import { streamLog } from "../log.ts";
import { journalDoor, openNotes } from "../notes.ts";
import type { StateItemJson } from "./state-told.ts";

/** One thing to be removed. */
export interface Removal {
  readonly item: Pick<StateItemJson, "kind" | "name" | "bytes">;
  /** Gives why it is still there; undefined once it is gone. */
  readonly remove: () => Promise<string | undefined>;
}

export interface Removed {
  readonly items: readonly StateItemJson[];
  readonly record: string;
}

export const plannedItems = (removals: readonly Removal[], result: StateItemJson["result"] = "planned") =>
  removals.map(({ item }): StateItemJson => ({ ...item, result, sentence: "" }));

/** One after the other; what is to go is noted in a file first, and each in the journal as it is done. */
export async function removeAll(
  root: string,
  removals: readonly Removal[],
  { paths }: Config,
  io: Io,
): Promise<Removed> {
  const folder = undoFolder(join(paths.state_dir, "removed"));
  const name = `${new Date().toISOString().replaceAll(":", "-")}-docker-state`;
  const items = [...plannedItems(removals, "not tried")];
  const keep = async (): Promise<string> =>
    folder.keep(name, `${JSON.stringify({ data_root: root, items }, undefined, 1)}\n`);
  const log = streamLog(io.stderr);
  const door = journalDoor(log);
  const notes = openNotes(door, log);
  try {
    const record = await keep();
    for (const [at, { item, remove }] of removals.entries()) {
      if (io.signal.aborted) break;
      const sentence = await remove();
      const result = sentence === undefined ? "removed" : "failed";
      items[at] = { ...item, result, sentence: sentence ?? "" };
      const message = `docker-state-cleanup: ${result}; ${item.kind} ${item.name}${sentence === undefined ? "" : `; ${sentence}`}`;
      notes.write({ kind: "remedy", message, strategy: "state-cleanup", outcome: result });
    }
    await keep();
    return { items, record: await finish(record) };
  } finally {
    await door.close();
  }
}
