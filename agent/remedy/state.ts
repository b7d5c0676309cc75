import { join } from "node:path";
import { type AtomicFile, atomicFile } from "../../host/atomic-file.ts";
import { type Lock, takeLock } from "../../host/lock.ts";
import { type UndoFolder, undoFolder } from "../../host/undo-folder.ts";
import { after, type Limits, type LimitsEvent, noLimitsYet } from "../../overlay/remedy/limits.ts";
import { decodeLimits, encodeLimits } from "../../overlay/remedy/limits-file.ts";
import type { RemedySettings } from "./settings.ts";

/** What remedies keep in the state folder: limits and pause, undo files, and the lock. */
export interface RemedyState {
  /** Throws `Locked`, with who has it. */
  readonly lock: (holder: string, waitMs?: number) => Promise<Lock>;
  /** As they are in force, the configuration's own switch too. Throws `BadFile`: then nothing may be written. */
  readonly limits: (now: number) => Promise<Limits>;
  /** Adds to what is kept; to be called under the lock. */
  readonly add: (...events: readonly LimitsEvent[]) => Promise<Limits>;
  readonly undo: UndoFolder;
}

export function remedyState({ paths, remedy }: Pick<RemedySettings, "paths" | "remedy">): RemedyState {
  const file = atomicFile(join(paths.state_dir, "remedy-limits.json"), 0o600);
  return {
    lock: async (holder, waitMs = 0) => takeLock(join(paths.state_dir, "remedy.lock"), { holder, waitMs }),
    limits: async (now) => {
      const kept = await read(file);
      const reason = "remedy.enabled is false in the configuration";
      return remedy.enabled ? kept : after(kept, { kind: "killed", at: now, reason });
    },
    add: async (...events) => {
      const limits = events.reduce((before, event) => after(before, event), await read(file));
      await file.write(encodeLimits(limits));
      return limits;
    },
    undo: undoFolder(join(paths.state_dir, "undo")),
  };
}

async function read(file: AtomicFile): Promise<Limits> {
  const text = await file.read();
  return text === undefined ? noLimitsYet : decodeLimits(text);
}
