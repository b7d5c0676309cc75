import { setTimeout as sleep } from "node:timers/promises";
import { type EntryFields, exportParser } from "../../host/journald/export.ts";
import { type JournalEnd, type JournalReading, queryJournal, readJournal } from "../../host/journald/reader.ts";
import type { Clock } from "../../host/host.ts";
import { type Place, readingArgs, tailArgs } from "./command-line.ts";

export interface ReadingOptions {
  /** journald's namespace beside the default one; empty for none. */
  readonly namespace: string;
  readonly clock: Clock;
  /** Where to begin; undefined: at the end of the journal. Asked again at each start of journalctl. */
  readonly place: () => Place | undefined;
  readonly onPlace: (place: Place) => void;
  /** Each entry once, but for what comes again by a time in place of a cursor. */
  readonly onEntry: (fields: EntryFields) => void;
  /** Entries that journalctl or the parser could not read. */
  readonly onUnreadable: (entries: number) => void;
  /** False: all that is there is read now. True: it has been, and what comes is new. */
  readonly onReached: (end: boolean) => void;
  /** The cursor is refused: the place is its time from now on. */
  readonly onCursorLost: () => void;
  readonly onRestart: (cause: "exit" | "stalled") => void;
  readonly log: (level: "info" | "warn", message: string) => void;
}

export interface Reading {
  readonly pause: () => void;
  readonly resume: () => void;
  /** For a journalctl that stands still: starts another one. */
  readonly restart: () => void;
  /** Why nothing is read; undefined while journalctl runs. */
  readonly problem: () => string | undefined;
  readonly close: () => Promise<void>;
}

/** Milliseconds: first and longest pause before journalctl is started again, and what counts as a run that went well. */
const [firstPause, longestPause, healthy] = [250, 30_000, 10_000];

/** Reads the journal for as long as it is not closed, whatever happens to journalctl and journald. */
export function keepReading(options: ReadingOptions): Reading {
  const state: State = { options, end: new AbortController(), paused: false, failures: 0 };
  const done = loop(state);
  return {
    pause: () => {
      state.paused = true;
      state.reading?.pause();
    },
    resume: () => {
      state.paused = false;
      state.reading?.resume();
    },
    restart: () => state.run?.abort(stalled),
    problem: () => state.problem,
    close: async () => {
      state.end.abort();
      await done;
    },
  };
}

const stalled = Symbol("stalled");

interface State {
  readonly options: ReadingOptions;
  readonly end: AbortController;
  /** The current start of journalctl. */
  run?: AbortController;
  reading?: JournalReading;
  paused: boolean;
  problem?: string | undefined;
  failures: number;
}

async function loop(state: State): Promise<void> {
  const { options, end } = state;
  while (!end.signal.aborted) {
    const began = options.clock.monotonic();
    const failure = await attempt(state);
    if (end.signal.aborted) return;
    options.onRestart(failure === stalled ? "stalled" : "exit");
    state.failures = options.clock.monotonic() - began > healthy ? 1 : state.failures + 1;
    if (failure instanceof Error) {
      state.problem = failure.message;
      options.log("warn", `${failure.message}; starting it again`);
    }
    // Half of it by chance: a fleet whose journald was updated does not start again as one.
    const pause = Math.min(firstPause * 2 ** (state.failures - 1), longestPause) * (0.5 + Math.random() / 2);
    await sleep(pause, undefined, { signal: end.signal }).catch(() => undefined);
  }
}

/** Reads until journalctl ends; gives why. */
async function attempt(state: State): Promise<unknown> {
  const run = new AbortController();
  const stop = () => run.abort();
  state.run = run;
  state.end.signal.addEventListener("abort", stop, { once: true });
  try {
    await readOn(state, run.signal);
    return undefined;
  } catch (error) {
    return run.signal.reason === stalled ? stalled : error;
  } finally {
    state.end.signal.removeEventListener("abort", stop);
    delete state.reading;
  }
}

/** To the end first, then what comes: with `-f`, systemd 250 to 257 shows the current boot only. */
async function readOn(state: State, signal: AbortSignal): Promise<void> {
  const { options } = state;
  if (options.place() === undefined) options.onPlace(await placeAtEnd(options, signal));
  for (const follow of [false, true]) {
    options.onReached(follow);
    const end = await readFrom(state, follow, signal);
    if (end.aborted) throw new Error("ended");
    if (isCursorRefused(end)) {
      options.onCursorLost();
      throw new Error(`journalctl does not know the place to go on from: ${end.stderr.join("; ")}`);
    }
    if (follow || end.code !== 0) throw new Error(describeEnd(end));
  }
}

/** "Failed to seek to cursor: Invalid argument", exit code 1. */
const isCursorRefused = ({ code, stderr }: JournalEnd): boolean =>
  code !== 0 && stderr.some((line) => line.includes("Failed to seek to cursor"));

function describeEnd({ code, signal, stderr }: JournalEnd): string {
  const how = code === undefined ? `was ended by ${signal ?? "nobody"}` : `ended with ${code}`;
  return `journalctl ${how}: ${stderr.join("; ") || "it said nothing"}`;
}

async function readFrom(state: State, follow: boolean, signal: AbortSignal): Promise<JournalEnd> {
  const { options } = state;
  const place = options.place() ?? { read: 0 };
  let first = true;
  const parser = exportParser((fields) => {
    const again = first && place.cursor !== undefined && fields.get("__CURSOR") === place.cursor;
    first = false;
    if (!again) options.onEntry(fields);
  });
  let unreadable = 0;
  const tell = () => {
    const { malformed, oversized } = parser.stats();
    if (malformed + oversized > unreadable) options.onUnreadable(malformed + oversized - unreadable);
    unreadable = malformed + oversized;
  };
  const reading = readJournal({
    args: readingArgs(place, options.namespace, follow),
    onChunk: (chunk) => {
      // Something came: it runs, and what was wrong before is over.
      state.problem = undefined;
      parser.push(chunk);
      tell();
    },
    signal,
  });
  state.reading = reading;
  if (state.paused) reading.pause();
  const end = await reading.ended;
  parser.end();
  return end;
}

/** Of the last entry in the journal; in an empty one, now. */
async function placeAtEnd({ namespace, clock }: ReadingOptions, signal: AbortSignal): Promise<Place> {
  const now = clock.now() * 1000;
  const output = await queryJournal(tailArgs(namespace), { signal });
  let place: Place = { read: now };
  const parser = exportParser((fields) => {
    const cursor = fields.get("__CURSOR");
    if (cursor !== undefined) place = { cursor, read: Number(fields.get("__REALTIME_TIMESTAMP") ?? now) };
  });
  parser.push(output);
  parser.end();
  return place;
}
