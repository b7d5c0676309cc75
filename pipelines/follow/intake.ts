import { BadEntry, type Entry, readEntry } from "../entry.ts";
import { suppressionNotice } from "./command-line.ts";
import type { Tally } from "./tally.ts";

/** Puts what journalctl gave into the tally; whose word is believed is decided here. */
export interface Intake {
  readonly take: (fields: ReadonlyMap<string, string>, now: number) => void;
  /** Why the last entry was not believed. */
  readonly lastRefusal: () => string | undefined;
}

/** Any local user can write under our identifier; `_UID` is journald's own word. Root's is believed, and our own user's. */
export function intakeOf(tally: Tally, uid: number): Intake {
  const believed = new Set(["0", String(uid)]);
  let lastRefusal: string | undefined;
  const refuse = (reason: "foreign" | "invalid", why: string, stored: number, now: number) => {
    lastRefusal = why;
    tally.refuse(reason, stored, now);
  };
  const take = (fields: ReadonlyMap<string, string>, now: number) => {
    const stored = Number(fields.get("__REALTIME_TIMESTAMP") ?? now * 1000);
    const from = fields.get("_UID");
    // journald's own notices have no other way of telling that they are its own.
    if (fields.get("MESSAGE_ID") === suppressionNotice && !isOurs(fields)) {
      if (from === "0") tally.suppression();
      return;
    }
    // Of the worker and the gateway, which are users of their own: for people, and not counted.
    if (isForPeople(fields)) return;
    if (from === undefined || !believed.has(from))
      return refuse("foreign", `user ${from ?? "unknown"} wrote under the recorder's name`, stored, now);
    const entry = read(fields);
    if (entry instanceof BadEntry) return refuse("invalid", entry.message, stored, now);
    tally.add(entry, stored, now);
  };
  return { take, lastRefusal: () => lastRefusal };
}

const forPeople: ReadonlySet<string> = new Set<Entry["kind"]>(["job", "page"]);

const isForPeople = (fields: ReadonlyMap<string, string>): boolean =>
  forPeople.has(fields.get("OVERLAYWATCH_KIND") ?? "");

const isOurs = (fields: ReadonlyMap<string, string>): boolean => fields.has("OVERLAYWATCH_KIND");

function read(fields: ReadonlyMap<string, string>): Entry | BadEntry {
  try {
    return countable(readEntry((name) => fields.get(name)));
  } catch (error) {
    if (error instanceof BadEntry) return error;
    throw error;
  }
}

/** What is counted must be whole: half an event is somebody else's. */
function countable(entry: Entry): Entry {
  const { total, count = 0, moves = 0, flaps = 0, vtepChanges = 0 } = entry;
  for (const number of [total, count, moves, flaps, vtepChanges])
    if (!Number.isInteger(number)) throw new BadEntry(`a count is no whole number: ${number}`);
  return entry;
}
