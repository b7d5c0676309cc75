import { bootId } from "../../host/boot.ts";
import { liveClock } from "../../host/clock.ts";
import type { Clock } from "../../host/host.ts";
import type { Sample } from "../../emit/sample.ts";
import { messageOf } from "../../host/thrown.ts";
import { alarm } from "./alarm.ts";
import { gaugesOf } from "./gauges.ts";
import { type Health, judge } from "./health.ts";
import { type Intake, intakeOf } from "./intake.ts";
import { Outgoing } from "./outgoing.ts";
import { Progress } from "./progress.ts";
import { keepReading, type Reading, type ReadingOptions } from "./reading.ts";
import { Book, series } from "./series.ts";
import { openStore, type Store } from "./store.ts";
import { Tally } from "./tally.ts";

export interface FollowerOptions {
  /** The checkpoint. */
  readonly path: string;
  /** journald's namespace beside the default one; empty for none. */
  readonly namespace?: string;
  /** Milliseconds between two sends. */
  readonly interval: number;
  /** Resolves when the samples were handed to the network. */
  readonly send: (samples: readonly Sample[]) => Promise<void>;
  /** At each interval. */
  readonly onHealth?: (health: Health) => void;
  readonly log: (level: "info" | "warn", message: string) => void;
  /** Our own user, who is believed beside root. */
  readonly uid: number;
  readonly clock?: Clock;
  readonly hostRoot?: string;
}

export interface FollowerStats {
  readonly catchingUp: boolean;
  /** How old the last entry was when it was read, in seconds. */
  readonly lag?: number;
  /** Seconds since the recorder's last heartbeat. */
  readonly heartbeatAge?: number;
  /** By metric, of all its series: what was counted, sent or not. Outlives a restart, and for a series a day of silence. */
  readonly totals: Readonly<Record<string, number>>;
  readonly health: Health;
}

export interface Follower {
  readonly stats: () => FollowerStats;
  /** Sends what is there and writes the checkpoint. */
  readonly close: () => Promise<void>;
}

/** Milliseconds between two looks at what there is to do. */
const pause = 1000;
/** Buckets of the past, an hour of them, that may wait to be sent; reading pauses above it. */
const mostLate = 360;

/** Follows the journal until it is closed. Rejects only where the machine does not tell its boot id. */
export async function startFollower(options: FollowerOptions): Promise<Follower> {
  const { path, log, namespace = "", clock = liveClock, hostRoot, send, uid } = options;
  const store = openStore({ path, clock, boot: bootId(hostRoot), log });
  const restored = await store.load();
  const tally = new Tally(restored?.book ?? new Book(), restored?.tally);
  const progress = new Progress(clock, restored?.place);
  const outgoing = new Outgoing({ tally, progress, store, clock, send, log }, restored !== undefined);
  const parts = { options, clock, store, tally, progress, outgoing, intake: intakeOf(tally, uid), alarm: alarm() };
  tellAmbiguous(parts, restored?.ambiguous ?? 0);
  const reading = keepReading({ namespace, clock, log, ...wiring(parts, () => reading) });
  const following: Following = { ...parts, reading, started: clock.monotonic() };
  return running(following);
}

interface Parts {
  readonly options: FollowerOptions;
  readonly clock: Clock;
  readonly store: Store;
  readonly tally: Tally;
  readonly progress: Progress;
  readonly outgoing: Outgoing;
  readonly intake: Intake;
  readonly alarm: ReturnType<typeof alarm>;
}

interface Following extends Parts {
  readonly reading: Reading;
  readonly started: number;
}

type Wiring = Omit<ReadingOptions, "namespace" | "clock" | "log">;

function wiring({ tally, progress, intake, clock, options, alarm: bell }: Parts, reading: () => Reading): Wiring {
  const note = (...[name, tag, value]: Parameters<typeof series.tagged>) =>
    tally.book.cell(series.tagged(name, tag, value));
  return {
    place: () => progress.place,
    onPlace: (place) => void (progress.place = place),
    onEntry: (fields) => {
      const now = clock.now();
      intake.take(fields, now);
      progress.read(fields, now);
      if (tally.pending.lateBuckets > mostLate) reading().pause();
      else if (!tally.changed || progress.catchingUp) return;
      bell.ring();
    },
    onUnreadable: (entries) => tally.note(note("pipeline.malformed", "reason", "unreadable"), entries, clock.now()),
    onReached: (end) => progress.reached(end),
    onCursorLost: () => {
      tally.note(tally.book.cell(series.plain("pipeline.cursor.resets")), 1, clock.now());
      options.log("warn", "journalctl refuses the cursor: reading goes on from the time of the last entry");
      progress.loseCursor();
    },
    onRestart: (cause) => tally.note(note("pipeline.reader.restarts", "cause", cause), 1, clock.now()),
  };
}

function tellAmbiguous({ tally, options, clock }: Parts, events: number): void {
  if (events === 0) return;
  tally.note(tally.book.cell(series.plain("pipeline.ambiguous")), events, clock.now());
  options.log("warn", `a crash came while counts of ${events} events were sent: whether they arrived is not known`);
}

function running(following: Following): Follower {
  let closing = false;
  const done = work(following, () => closing);
  const end = async () => {
    closing = true;
    await following.reading.close();
    following.alarm.ring();
    await done;
  };
  let ended: Promise<void> | undefined;
  return { stats: () => statsOf(following), close: () => (ended ??= end()) };
}

/** Once a second, and at once where somebody is misplaced, or is so no more. */
async function work(following: Following, isClosing: () => boolean): Promise<void> {
  const { clock, options, alarm: bell } = following;
  let due = clock.monotonic() + options.interval;
  for (let last = false; !last;) {
    await bell.wait(pause);
    last = isClosing();
    const isDue = last || clock.monotonic() >= due;
    if (isDue) due = Math.max(due + options.interval, clock.monotonic());
    try {
      await turn(following, isDue, last);
    } catch (error) {
      options.log("warn", `counts could not be sent: ${messageOf(error)}`);
    }
  }
}

async function turn(following: Following, due: boolean, last: boolean): Promise<void> {
  const { tally, options, clock, progress, outgoing, reading } = following;
  progress.settle();
  if (tally.heartbeat !== undefined && progress.isStalled()) reading.restart();
  const gauges = [...placements(following, due), ...(due ? gaugesOf(following, clock.now()) : [])];
  if (gauges.length > 0) await options.send(gauges);
  await outgoing.sendCounts(due);
  await outgoing.save(last);
  if (tally.pending.lateBuckets <= mostLate) reading.resume();
  if (!due) return;
  options.onHealth?.(healthOf(following));
  tally.book.forget(clock.now());
}

/** At each change, and when due. While catching up nothing: what was when the journal was written says nothing of now. */
function placements({ tally, progress, clock }: Following, due: boolean): readonly Sample[] {
  return (tally.changed || due) && !progress.catchingUp ? tally.placements(clock.now()) : [];
}

function healthOf({ tally, clock, progress, reading, outgoing, started }: Following): Health {
  return judge({
    up: clock.monotonic() - started,
    silence: tally.heartbeat === undefined ? undefined : clock.now() - tally.heartbeat,
    lag: progress.lag ?? 0,
    catchingUp: progress.catchingUp,
    problem: reading.problem(),
    unsaved: outgoing.problem,
  });
}

function statsOf(following: Following): FollowerStats {
  const { tally, progress, clock } = following;
  const totals: Record<string, number> = {};
  for (const { name, total } of tally.book.cells()) totals[name] = (totals[name] ?? 0) + total;
  return {
    catchingUp: progress.catchingUp,
    ...(progress.lag !== undefined && { lag: progress.lag / 1000 }),
    ...(tally.heartbeat !== undefined && { heartbeatAge: (clock.now() - tally.heartbeat) / 1000 }),
    totals,
    health: healthOf(following),
  };
}
