import { setTimeout as sleep } from "node:timers/promises";
import type { Receipt } from "../hand-over.ts";
import type { Job, Withdrawal } from "../job.ts";
import type { Heard, Helper } from "./ask-helper.ts";
import type { JobJournal } from "./journal.ts";
import {
  accepted,
  alongside,
  approved,
  begun,
  besideApproval,
  due,
  type Due,
  expired,
  heard,
  inFewWords,
  rechecked,
  restarted,
  type Rules,
  verbFor,
  wakeAt,
  withdrawn,
} from "./machine.ts";
import type { Pace } from "./pace.ts";
import { isEnd, isOver, type JobRecord, type JobState } from "./record.ts";

/** A job came to another state, or was looked at after its cure. It is on the disk already. */
export interface Change {
  readonly record: JobRecord;
  readonly before: JobState | undefined;
  readonly answer?: Heard;
  /** Index of the look after a cure. */
  readonly recheck?: number;
}

/** A job that was not taken. */
export interface Rejected {
  readonly job: Job;
  readonly answer: "full" | "unknown-host";
}

export interface WorkerParts {
  /** Its name in Datadog: jobs for others are not its. */
  readonly host: string;
  readonly rules: Omit<Rules, "proved">;
  readonly maxWaiting: number;
  readonly helper: Helper;
  readonly pace: Pace;
  /** Milliseconds that a job is not begun yet; 0 unless told. */
  readonly hold?: (job: Job) => number;
  /** What the journal had, by id. */
  readonly records: Map<string, JobRecord>;
  /** When a page was seen to reach this host; milliseconds since the epoch. */
  readonly proved: number | undefined;
  readonly keepProof: (at: number) => Promise<void>;
  readonly now: () => number;
  readonly tell: (change: Change) => void;
  readonly reject: (rejected: Rejected) => void;
  /** Nothing can be kept any more: it must end, and be started anew. */
  readonly fail: (error: unknown) => void;
}

/** Ended jobs are remembered, so that one that is sent again is not done again. */
const [rememberFor, rememberMost] = [7 * 24 * 3_600_000, 2000];
/** Of so many all that was said is kept. */
const inFull = 100;
/** How long a page with an expected event is waited for. */
const expectFor = 10 * 60_000;
/** A timer never waits longer: the clock may have been set. */
const [longestSleep, shortSleep] = [30_000, 100] as const;

/** Takes jobs, keeps them, and has the helper do them, one at a time, to their end. */
export class Worker {
  readonly #parts: WorkerParts;
  readonly #journal: JobJournal;
  /** Ids of jobs of which something is still to be done; and of those that have no end yet. */
  readonly #open = new Set<string>();
  readonly #waiting = new Set<string>();
  readonly #expected = new Map<string, number>();
  /** Of jobs that are not on the disk yet. */
  readonly #pending = new Map<string, Promise<void>>();
  #proved: number | undefined;
  #working: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(parts: WorkerParts, journal: (live: () => readonly JobRecord[]) => JobJournal) {
    this.#parts = parts;
    this.#proved = parts.proved;
    this.#journal = journal(() => [...parts.records.values()]);
    for (const record of parts.records.values()) this.#sort(record);
  }

  get proved(): number | undefined {
    return this.#proved;
  }

  /** Jobs that are not over, and those that ended: newest first. */
  records(): readonly JobRecord[] {
    return [...this.#parts.records.values()].toReversed();
  }

  /** By its id, or the first digits of it, eight at least, where they are of one job only. */
  find(id: string): JobRecord | undefined {
    const whole = this.#parts.records.get(id);
    if (whole !== undefined || id.length < 8) return whole;
    const all = [...this.#parts.records.values()].filter(({ job }) => job.id.startsWith(id));
    return all.length === 1 ? all[0] : undefined;
  }

  /** Takes up what another one left. */
  async start(): Promise<void> {
    for (const record of this.#unfinished()) {
      const after = restarted(record, this.#parts.now());
      if (after !== record) await this.#put(after, record.state);
    }
    this.#forget();
    this.#go();
  }

  /** Resolves when what is accepted is on the disk. Rejects where it cannot be kept. */
  async offer(job: Job): Promise<Receipt> {
    const { host, records, maxWaiting, now, reject } = this.#parts;
    const known = records.get(job.id) ?? this.#sameFault(job);
    if (known !== undefined) {
      await this.#pending.get(known.job.id);
      return { answer: "duplicate", trace: known.job.trace };
    }
    // The host's own trigger is one job at a time: no flood of pages is to keep it out.
    const isFull = job.alert !== undefined && this.#waiting.size >= maxWaiting;
    const answer = job.host !== host ? "unknown-host" : isFull ? "full" : undefined;
    if (answer !== undefined) {
      reject({ job, answer });
      return { answer, trace: job.trace };
    }
    const kept = this.#put(accepted(job, now()), undefined);
    this.#pending.set(job.id, kept);
    await kept.finally(() => this.#pending.delete(job.id));
    if (records.size > rememberMost + 2 * maxWaiting) this.#forget();
    await this.#provedBy(job);
    this.#go();
    return { answer: "accepted", trace: job.trace };
  }

  async withdraw(withdrawal: Withdrawal): Promise<Receipt> {
    const { host, now } = this.#parts;
    if (withdrawal.host !== host) return { answer: "unknown-host", trace: withdrawal.trace };
    const taken = this.#unfinished().flatMap((record) => withdrawn(record, withdrawal, now()) ?? []);
    await Promise.all(taken.map(async (after) => this.#put(after, this.#parts.records.get(after.job.id)?.state)));
    const isTaken = taken.some(({ state }) => state === "cancelled");
    return { answer: isTaken ? "withdrawn" : "nothing", trace: withdrawal.trace };
  }

  /** Undefined where no job of that id waits for it. */
  async approve(id: string, by: string): Promise<JobRecord | undefined> {
    const { now } = this.#parts;
    const record = this.find(id);
    const after = record && approved(record, by, now());
    if (record === undefined || after === undefined) return undefined;
    await this.#put(after, record.state);
    // Who approves a page for this host has seen that it is meant.
    if (record.job.alert !== undefined) await this.#prove();
    this.#go();
    return after;
  }

  /** A page with that event proves that the way from Datadog's name to this host is right. */
  expect(event: string): void {
    if (this.#expected.size > 100) this.#expected.clear();
    this.#expected.set(event, this.#parts.now() + expectFor);
  }

  /**
   * Waits until the helper may be asked for something that is no job: after the job that it is at, and at the pace that jobs
   * leave. Rejects with the signal's reason.
   */
  async turn(signal: AbortSignal): Promise<void> {
    const { pace, now } = this.#parts;
    for (;;) {
      signal.throwIfAborted();
      const ms = this.#working === undefined ? pace.wait(false, now()) : shortSleep;
      if (ms === 0) return pace.take(now());
      await sleep(Math.min(ms, shortSleep), undefined, { signal });
    }
  }

  /** What was asked of the helper is waited for; the rest is for the next one that starts. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#working;
    await this.#journal.close();
  }

  #unfinished(): readonly JobRecord[] {
    const { records } = this.#parts;
    return [...this.#open].flatMap((id) => records.get(id) ?? []);
  }

  /** The host's own trigger asks again while a fault lasts: one that is not through is the answer to all of them. */
  #sameFault({ alert }: Job): JobRecord | undefined {
    if (alert !== undefined) return undefined;
    return this.#unfinished().find((one) => one.job.alert === undefined && !isEnd(one.state));
  }

  async #provedBy({ alert }: Job): Promise<void> {
    const until = alert === undefined ? undefined : this.#expected.get(alert.event);
    if (until !== undefined && this.#parts.now() <= until) await this.#prove();
  }

  async #prove(): Promise<void> {
    if (this.#proved !== undefined) return;
    this.#proved = this.#parts.now();
    // Where it can not be kept, the next one that starts asks for it again; a job is none the worse.
    await this.#parts.keepProof(this.#proved).catch(() => undefined);
  }

  /** Known here at once, told when it is on the disk. */
  async #put(record: JobRecord, before: JobState | undefined, more: Partial<Change> = {}): Promise<void> {
    const { id } = record.job;
    this.#parts.records.set(id, record);
    this.#sort(record);
    try {
      await this.#journal.keep(record);
    } catch (error) {
      this.#closed = true;
      this.#parts.fail(error);
      throw error;
    }
    this.#parts.tell({ ...more, record, before });
  }

  #sort(record: JobRecord): void {
    const { id } = record.job;
    if (isOver(record)) this.#open.delete(id);
    else this.#open.add(id);
    // What waits for a person takes nobody's place.
    if (isEnd(record.state) || record.state === "approval") this.#waiting.delete(id);
    else this.#waiting.add(id);
  }

  #go(): void {
    if (this.#closed || this.#working !== undefined) return;
    clearTimeout(this.#timer);
    this.#working = this.#work()
      // It was told by `fail`.
      .catch(() => undefined)
      .finally(() => {
        this.#working = undefined;
        this.#sleep();
      });
  }

  async #work(): Promise<void> {
    const { now } = this.#parts;
    for (;;) {
      await this.#expire();
      const turns = due(this.#unfinished(), now()).filter((one) => this.#mayAsk(one));
      if (turns.length === 0) return;
      for (const turn of turns) {
        if (this.#closed) return;
        await this.#serve(turn);
      }
    }
  }

  async #expire(): Promise<void> {
    for (const record of this.#unfinished()) {
      const after = expired(record, this.#parts.now());
      if (after !== undefined) await this.#put(after, record.state);
    }
  }

  #sleep(): void {
    if (this.#closed) return;
    const ms = Math.min(Math.max(0, this.#untilNext()), longestSleep);
    this.#timer = setTimeout(() => {
      this.#forget();
      this.#go();
    }, ms);
  }

  async #serve({ id, recheck }: Due): Promise<void> {
    const { now, records } = this.#parts;
    const record = records.get(id);
    const [still] = record === undefined ? [] : due([record], now());
    // Taken back, or begun by what came before it.
    if (record === undefined || still === undefined || still.recheck !== recheck) return;
    const late = expired(record, now());
    if (late !== undefined) return this.#put(late, record.state);
    if (!this.#mayAsk(still)) return;
    this.#parts.pace.take(now());
    await (recheck === undefined ? this.#ask(record) : this.#look(record, recheck));
  }

  async #ask(record: JobRecord): Promise<void> {
    const { rules, helper, now, records } = this.#parts;
    const verb = this.#verbOf(record);
    // All that wait for the same ask for the same: this host is to look at itself.
    const all = [record, ...this.#alike(record, verb)].map((one) => begun(one, verb, now()));
    // On the disk before it is begun: who starts after a death in its midst is to know.
    await Promise.all(all.map(async (one) => this.#put(one, "waiting")));
    const answer = await helper.ask(verb, record.job.trace);
    const known = { ...rules, proved: this.#proved !== undefined };
    for (const working of all) {
      // It may have been taken back meanwhile.
      const current = records.get(working.job.id) ?? working;
      if (working.job.id === record.job.id)
        await this.#put(this.#folded(heard(current, answer, known, now())), "working", { answer });
      else await this.#put(this.#folded(alongside(current, answer, known, now(), record.job)), "working");
    }
  }

  /** A person is asked once: what is approved heals all that is active. */
  #folded(record: JobRecord): JobRecord {
    if (record.state !== "approval") return record;
    const open = this.#unfinished().find((one) => one.state === "approval" && one.job.id !== record.job.id);
    return open === undefined ? record : besideApproval(record, open.job);
  }

  /** What else is due, and is to be done the same way. */
  #alike({ job }: JobRecord, verb: "look" | "heal"): readonly JobRecord[] {
    const { now } = this.#parts;
    return this.#unfinished().filter(
      (one) =>
        one.job.id !== job.id &&
        due([one], now()).some(({ recheck }) => recheck === undefined) &&
        expired(one, now()) === undefined &&
        this.#verbOf(one) === verb,
    );
  }

  #verbOf(record: JobRecord): "look" | "heal" {
    const { rules, now } = this.#parts;
    return verbFor(record, { ...rules, proved: this.#proved !== undefined }, now());
  }

  #mayAsk(one: Due): boolean {
    return this.#wait(one, this.#parts.now()) === 0;
  }

  #wait({ id, recheck }: Due, at: number): number {
    const { pace, records, hold } = this.#parts;
    const job = recheck === undefined ? records.get(id)?.job : undefined;
    return Math.max(pace.wait(recheck === undefined, at), job === undefined ? 0 : (hold?.(job) ?? 0));
  }

  /** Milliseconds until the first of what is due already may be asked for, or something else is due. */
  #untilNext(): number {
    const [all, at] = [this.#unfinished(), this.#parts.now()];
    const waits = due(all, at).map((one) => this.#wait(one, at));
    const later = wakeAt(all.filter((one) => due([one], at).length === 0)) - at;
    return Math.min(later, ...waits);
  }

  async #look(record: JobRecord, recheck: number): Promise<void> {
    const answer = await this.#parts.helper.ask("look", record.job.trace);
    const after = rechecked(record, recheck, answer, this.#parts.now());
    await this.#put(after, record.state, { answer, recheck });
  }

  /** What ended is kept to know it again, in few words; what is old, or too much, is let go. */
  #forget(): void {
    const { records, now } = this.#parts;
    const over = [...records.values()].filter((record) => !this.#open.has(record.job.id));
    const inOrder = over.toSorted((a, b) => b.since - a.since);
    for (const [at, record] of inOrder.entries()) {
      const { id } = record.job;
      if (at >= rememberMost || now() - record.since > rememberFor) records.delete(id);
      else if (at >= inFull) records.set(id, inFewWords(record));
    }
  }
}
