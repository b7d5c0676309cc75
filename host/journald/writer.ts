import { entryText, type JournalEntry } from "./entry-text.ts";
import type { Fault, Receipt } from "./messages.ts";
import { type EntryQueue, entryQueue } from "./queue.ts";
import { startThread, type Thread } from "./thread.ts";

/** The way into this machine's journal, as `SYSLOG_IDENTIFIER=overlaywatch`. */
export interface Journal {
  /**
   * Takes the entry, to be written soon; false where it can not be taken: too many wait already, or the journal was
   * closed. What was taken is written, or counted as `lost`; after trouble some may be written twice. Throws a
   * `TypeError` for a field's name or a priority that journald would not take.
   */
  readonly write: (entry: JournalEntry) => boolean;
  readonly stats: () => JournalStats;
  /** Called when half of the room is free again after `write` was false. Returns how to end it. */
  readonly onDrained: (listener: () => void) => () => void;
  /** Writes what waits, for half a second at most; what then still waits is `lost`, and told. */
  readonly close: () => Promise<void>;
}

export interface JournalStats {
  /** In journald's socket: what journald itself then drops, by its rate limit or its death, shows only to a reader. */
  readonly written: number;
  /** `write` was false. */
  readonly refused: number;
  /** Taken, and given up: too big for the system, or still waiting at the close. */
  readonly lost: number;
  readonly queued: number;
  readonly state: "ok" | Fault;
  /** How often the state became `hung`. */
  readonly hangs: number;
  /** Threads started after the first. */
  readonly restarts: number;
  readonly lastError?: string;
}

export interface JournalOptions {
  /** Told once for each change of state. */
  readonly log: (level: "info" | "warn", message: string) => void;
  /** Entries that may wait. */
  readonly maxQueue?: number;
  /** Milliseconds without an answer, after which journald hangs. */
  readonly ackMs?: number;
  /** First and longest pause after a failure, in milliseconds. */
  readonly backoffMs?: readonly [number, number];
  /** The worker's file; tests have their own. */
  readonly program?: URL;
}

/** One at a time in a process: the native half of npm's systemd-journald can not be loaded twice at once. */
export function openJournal(options: JournalOptions): Journal {
  const writer = newWriter(options);
  // Now, so that the first entry need not wait for it.
  start(writer);
  return {
    write: (entry) => write(writer, entry),
    stats: () => ({
      ...writer.tally,
      queued: writer.queue.length(),
      state: writer.state,
      ...(writer.lastError === undefined ? {} : { lastError: writer.lastError }),
    }),
    onDrained: (listener) => {
      const own = () => listener();
      writer.listeners.add(own);
      return () => void writer.listeners.delete(own);
    },
    close: async () => close(writer),
  };
}

const identifier = "overlaywatch";
const closeMs = 500;

interface Writer {
  readonly log: JournalOptions["log"];
  readonly ackMs: number;
  readonly backoffMs: readonly [number, number];
  readonly program: URL;
  readonly queue: EntryQueue;
  readonly tally: { written: number; refused: number; lost: number; hangs: number; restarts: number };
  readonly listeners: Set<() => void>;
  thread: Thread | undefined;
  /** The batch that the thread has. */
  underway: { readonly id: number; readonly alarm: NodeJS.Timeout } | undefined;
  /** Until the next attempt. */
  pause: NodeJS.Timeout | undefined;
  scheduled: boolean;
  failures: number;
  lastId: number;
  state: "ok" | Fault;
  lastError: string | undefined;
  /** `write` was false since there was room. */
  full: boolean;
  /** Set by `close`: called when nothing waits any more. */
  emptied: (() => void) | undefined;
  closed: boolean;
}

function newWriter(options: JournalOptions): Writer {
  const { log, maxQueue = 20_000, ackMs = 3000, backoffMs = [100, 2000] } = options;
  const { program = new URL("./worker.js", import.meta.url) } = options;
  return {
    log,
    ackMs,
    backoffMs,
    program,
    queue: entryQueue(maxQueue),
    listeners: new Set(),
    tally: { written: 0, refused: 0, lost: 0, hangs: 0, restarts: 0 },
    thread: undefined,
    underway: undefined,
    pause: undefined,
    scheduled: false,
    failures: 0,
    lastId: 0,
    state: "ok",
    lastError: undefined,
    full: false,
    emptied: undefined,
    closed: false,
  };
}

function write(writer: Writer, entry: JournalEntry): boolean {
  const text = entryText(entry, identifier);
  if (writer.closed || !writer.queue.add(text)) {
    writer.full = true;
    writer.tally.refused++;
    return false;
  }
  if (writer.underway === undefined && writer.pause === undefined && !writer.scheduled) {
    writer.scheduled = true;
    // All entries of one turn of the event loop go as one batch.
    setImmediate(() => {
      writer.scheduled = false;
      pump(writer);
    });
  }
  return true;
}

function start(writer: Writer): Thread {
  writer.thread = startThread(writer.program, {
    onReceipt: (receipt) => received(writer, receipt),
    onWarning: (warning) => writer.log("warn", warning),
    onDeath: (why) => died(writer, why),
  });
  return writer.thread;
}

function pump(writer: Writer): void {
  if (writer.underway !== undefined || writer.pause !== undefined) return;
  if (writer.queue.length() === 0) return writer.emptied?.();
  const thread = writer.thread ?? start(writer);
  const id = ++writer.lastId;
  thread.post({ id, text: writer.queue.batch().text });
  const alarm = setTimeout(() => turn(writer, "hung", `no answer for ${writer.ackMs} ms`), writer.ackMs).unref();
  writer.underway = { id, alarm };
}

function received(writer: Writer, { id, done, bad, fault, why }: Receipt): void {
  if (writer.underway?.id !== id) return;
  finish(writer);
  writer.queue.drop(done);
  writer.tally.written += done - bad;
  writer.tally.lost += bad;
  if (bad > 0) writer.lastError = why;
  if (fault !== undefined) return failed(writer, fault, why ?? "");
  writer.failures = 0;
  turn(writer, "ok");
  pump(writer);
  drained(writer);
}

/** What it had is sent again to the next one: twice in the journal is harmless, entries have numbers. */
function died(writer: Writer, why: string): void {
  finish(writer);
  writer.thread = undefined;
  writer.tally.restarts++;
  failed(writer, "refusing", why);
}

function finish(writer: Writer): void {
  clearTimeout(writer.underway?.alarm);
  writer.underway = undefined;
}

function failed(writer: Writer, fault: Fault, why: string): void {
  turn(writer, fault, why);
  const [first, longest] = writer.backoffMs;
  const ms = Math.min(longest, first * 2 ** writer.failures++);
  writer.pause = setTimeout(() => {
    writer.pause = undefined;
    pump(writer);
  }, ms).unref();
}

function turn(writer: Writer, state: Writer["state"], why?: string): void {
  if (why !== undefined) writer.lastError = why;
  if (writer.state === state) return;
  writer.state = state;
  if (state === "hung") writer.tally.hangs++;
  if (state === "ok") writer.log("info", "the journal takes entries again");
  else writer.log("warn", `the journal is ${state}: ${why}. ${writer.queue.length()} entries wait; trying again.`);
}

function drained(writer: Writer): void {
  if (!writer.full || writer.closed || !writer.queue.isHalfEmpty()) return;
  writer.full = false;
  for (const listener of writer.listeners) listener();
}

async function close(writer: Writer): Promise<void> {
  if (writer.closed) return;
  writer.closed = true;
  await within(closeMs, (emptied) => {
    writer.emptied = emptied;
    pump(writer);
  });
  writer.emptied = undefined;
  clearTimeout(writer.pause);
  finish(writer);
  lose(writer);
  const { thread } = writer;
  writer.thread = undefined;
  // One that hangs in the kernel is left behind.
  if (thread !== undefined) await within(closeMs, (ended) => void thread.end().then(ended));
}

async function within(ms: number, work: (done: () => void) => void): Promise<void> {
  let late: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve) => {
    late = setTimeout(resolve, ms);
    work(resolve);
  });
  clearTimeout(late);
}

function lose(writer: Writer): void {
  const left = writer.queue.length();
  if (left === 0) return;
  writer.tally.lost += left;
  writer.queue.drop(left);
  writer.log(
    "warn",
    `${left} entries may not have been written to the journal before the end: ${writer.lastError ?? "no time"}`,
  );
}
