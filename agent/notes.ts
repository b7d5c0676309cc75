import { randomBytes } from "node:crypto";
import { type Journal, openJournal } from "../host/journald/writer.ts";
import { type Entry, fieldsOf } from "../pipelines/entry.ts";
import { type Draft, stamping } from "../pipelines/record/stamp.ts";
import { hostKey } from "./host-key.ts";
import type { Log } from "./log.ts";

/** What this process notes in the journal beside netlink events: findings and remedies. */
export interface Notes {
  /** Takes it, to be written soon; what can not be taken is told in the log, once. */
  readonly write: (draft: Draft) => void;
}

/** The process's one way into the journal, opened when first needed. */
export interface JournalDoor {
  readonly open: () => Journal;
  readonly close: () => Promise<void>;
}

export function journalDoor(log: Log): JournalDoor {
  let journal: Journal | undefined;
  return {
    open: () => (journal ??= openJournal({ log: (level, message) => log[level](message) })),
    close: async () => journal?.close(),
  };
}

/** A life of its own in the journal, with its own numbers: the recorder's count netlink events alone. */
export function openNotes(door: JournalDoor, log: Log): Notes {
  const stamp = stamping(hostKey(), randomBytes(16).toString("hex"), (entry) => door.open().write(entryOf(entry)));
  return {
    write: (draft) => {
      if (!stamp.write(draft)) log.warn(`the journal takes no more entries: not noted: ${draft.message}`, "notes");
    },
  };
}

const entryOf = (entry: Entry) => ({ message: entry.message, priority: 5, fields: fieldsOf(entry) }) as const;
