import type { Sample } from "../../emit/sample.ts";
import { type Entry, recorderKinds } from "../entry.ts";
import { type EpochMark, Epochs, ownEvents } from "./epochs.ts";
import { type Placement, Placements } from "./misplaced.ts";
import { type Counts, Pending, type PendingState } from "./pending.ts";
import { Book, type Cell, type CountName, series } from "./series.ts";

/** All that the follower knows, and a checkpoint keeps. */
export interface TallyState {
  readonly epochs: readonly EpochMark[];
  readonly placements: readonly Placement[];
  readonly pending: PendingState;
  /** When the recorder's last heartbeat was stored, in milliseconds since the epoch. */
  readonly heartbeat?: number;
}

/** Turns entries into counts. Pure: times come with the entries, and nothing is sent from here. */
export class Tally {
  readonly book: Book;
  readonly pending: Pending;
  readonly #epochs: Epochs;
  readonly #placements: Placements;
  #heartbeat: number | undefined;
  /** journald has just said that it dropped messages: a hole that follows is its doing. */
  #suppressed = false;
  /** `misplaced` changed since the last look. */
  #changed = false;

  constructor(book = new Book(), state?: TallyState) {
    this.book = book;
    this.pending = new Pending(state?.pending);
    this.#epochs = new Epochs(state?.epochs);
    this.#placements = new Placements(state?.placements);
    this.#heartbeat = state?.heartbeat;
  }

  /** When the recorder's last heartbeat was stored, in milliseconds since the epoch. */
  get heartbeat(): number | undefined {
    return this.#heartbeat;
  }

  /** An entry that was stored at `stored` (microseconds since the epoch) and is read at `now` (milliseconds). */
  add(entry: Entry, stored: number, now: number): void {
    const own = ownEvents(entry);
    const to = this.pending.place({ stored, event: timeOf(entry) ?? stored }, now * 1000);
    const { replay, lost, hole } = this.#epochs.take(entry, own);
    const suppressed = this.#suppressed;
    this.#suppressed = false;
    this.#grow(to, this.book.cell(series.plain(replay ? "pipeline.replayed" : "pipeline.entries")), 1, now);
    if (replay) return;
    if (recorderKinds.includes(entry.kind)) this.#placements.alive(entry.epoch, hole, stored / 1000);
    if (lost > 0) this.#lose(to, suppressed ? "suppressed" : "gap", "journal", lost, now);
    this.#byKind(entry, to, own, stored, now);
  }

  /** journald's own notice, which it writes just before the next message that it lets through. */
  suppression(): void {
    this.#suppressed = true;
  }

  /** An entry under our name that was not believed. */
  refuse(reason: "foreign" | "invalid", stored: number, now: number): void {
    const to = this.pending.place({ stored, event: stored }, now * 1000);
    this.#grow(to, this.book.cell(series.tagged("pipeline.malformed", "reason", reason)), 1, now);
  }

  /** Something that the follower did or found by itself. */
  note(cell: Cell, by: number, now: number): void {
    this.#grow(this.pending.live, cell, by, now);
  }

  #byKind(entry: Entry, to: Counts, own: number, stored: number, now: number): void {
    const { kind } = entry;
    if (isForPeople(kind)) return undefined;
    switch (kind) {
      case "event":
        return this.#event(entry, to, own, now);
      case "overrun":
        return this.#overrun(entry, to, now);
      case "gap":
        return this.#gap(entry, to, now);
      case "misplaced":
        return this.#misplaced(entry, stored);
      case "remedy":
        return this.#remedy(entry, to, now);
      case "heartbeat":
        this.#heartbeat = stored / 1000;
        return undefined;
    }
  }

  #event(entry: Entry, to: Counts, own: number, now: number): void {
    const { object = "unknown", action = "unknown" } = entry;
    const network = entry.network ?? entry.networkId?.slice(0, 12) ?? "unknown";
    this.#grow(to, this.book.cell(series.events(network, object, action)), own, now);
    this.#growOf(to, "fdb.moves", network, entry.moves, now);
    this.#growOf(to, "fdb.flaps", network, entry.flaps, now);
    this.#growOf(to, "fdb.vtep_changes", network, entry.vtepChanges, now);
  }

  #growOf(to: Counts, name: CountName, network: string, by: number | undefined, now: number): void {
    if (by !== undefined && by > 0)
      this.#grow(to, this.book.cell(series.tagged(name, "docker_network", network)), by, now);
  }

  #gap({ since, until }: Entry, to: Counts, now: number): void {
    this.#grow(to, this.book.cell(series.plain("pipeline.gaps")), 1, now);
    const seconds = since === undefined || until === undefined ? 0 : Math.ceil((until - since) / 1_000_000);
    if (seconds > 0) this.#grow(to, this.book.cell(series.plain("pipeline.gap.seconds")), seconds, now);
  }

  #misplaced(entry: Entry, stored: number): void {
    if (this.#placements.set(entry, stored / 1000)) this.#changed = true;
  }

  #remedy({ strategy = "unknown", outcome = "unknown" }: Entry, to: Counts, now: number): void {
    this.#grow(to, this.book.cell(series.remedies(strategy, outcome)), 1, now);
  }

  #overrun({ socket, count = 0 }: Entry, to: Counts, now: number): void {
    this.#lose(to, "overrun", socket ?? "unknown", count, now);
  }

  #lose(to: Counts, cause: string, socket: string, count: number, now: number): void {
    if (count > 0) this.#grow(to, this.book.cell(series.lost(cause, socket)), count, now);
  }

  #grow(to: Counts, cell: Cell, by: number, now: number): void {
    cell.total += by;
    cell.moved = now;
    to.set(cell, (to.get(cell) ?? 0) + by);
  }

  /** Gauges of what is misplaced; all of them at each change, for a profile may sum them. */
  placements(now: number): readonly Sample[] {
    this.#changed = false;
    return this.#placements.samples(now);
  }

  /** Whether somebody came to be, or is no more, misplaced since the last look. */
  get changed(): boolean {
    return this.#changed;
  }

  state(): TallyState {
    return {
      epochs: this.#epochs.marks(),
      placements: this.#placements.all(),
      pending: this.pending.state(),
      ...(this.#heartbeat !== undefined && { heartbeat: this.#heartbeat }),
    };
  }
}

/** When the last event in it was, in microseconds since the epoch: SINCE is the time of one that stands alone. */
const timeOf = ({ kind, since, until }: Entry): number | undefined => until ?? (kind === "event" ? since : undefined);

/** They hold nothing that is counted. */
const forPeople = ["namespace", "finding", "job", "page", "summary"] as const;

const isForPeople = (kind: Entry["kind"]): kind is (typeof forPeople)[number] => forPeople.some((one) => one === kind);
