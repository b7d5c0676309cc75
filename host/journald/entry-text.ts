/** One entry for the journal. Fields beside MESSAGE, PRIORITY and SYSLOG_IDENTIFIER, by their full names. */
export interface JournalEntry {
  readonly message: string;
  /** As syslog has it: 0 emergency to 7 debug; 6 is usual. */
  readonly priority: number;
  readonly fields: Readonly<Record<string, string>>;
}

/** Longer values are cut: UTF-16 units. Far above what this program writes, far below what hurts a reader. */
export const longestValue = 65_536;

/** Between the items of an entry, and doubled between entries: no value holds it, no item is empty. */
export const itemEnd = "\0";
export const entryEnd = "\0\0";

/**
 * An entry as one text for the worker: its priority, then `NAME=value` items. One long text crosses to the other thread
 * at a tenth of the cost of many short ones. Throws a `TypeError` for a name or priority that journald would drop
 * without a word.
 */
export function entryText({ message, priority, fields }: JournalEntry, identifier: string): string {
  if (!Number.isInteger(priority) || priority < 0 || priority > 7)
    throw new TypeError(`priority of a journal entry: expected 0 to 7, got ${priority}`);
  // Joined at once: a text put together by `+` stays a tree of all its parts while it waits.
  const items = [String(priority), `MESSAGE=${clean(message)}`];
  if (fields["SYSLOG_IDENTIFIER"] === undefined) items.push(`SYSLOG_IDENTIFIER=${identifier}`);
  for (const name in fields) items.push(`${checked(name)}=${clean(fields[name] ?? "")}`);
  return items.join(itemEnd);
}

/** The package copies a value with strdup() but takes its length from elsewhere: past a NUL it reads foreign memory. */
function clean(value: string): string {
  const short = value.length > longestValue ? cut(value) : value;
  return short.includes("\0") ? short.replaceAll("\0", "") : short;
}

/** Never in the middle of a surrogate pair. */
function cut(value: string): string {
  const last = value.charCodeAt(longestValue - 1);
  return value.slice(0, last >= 0xd8_00 && last <= 0xdb_ff ? longestValue - 1 : longestValue);
}

const known = new Set<string>();

/** journald's rule (journal-file `journal_field_valid`), without names that begin with `_`: those are its own. */
function checked(name: string): string {
  if (known.has(name)) return name;
  if (!/^[A-Z][A-Z0-9_]{0,63}$/u.test(name) || name === "MESSAGE" || name === "PRIORITY")
    throw new TypeError(`not a name for a field of a journal entry: ${JSON.stringify(name.slice(0, 80))}`);
  if (known.size < 1000) known.add(name);
  return name;
}
