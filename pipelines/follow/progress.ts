import type { Clock } from "../../host/host.ts";
import type { EntryFields } from "../../host/journald/export.ts";
import type { Place } from "./command-line.ts";

/** Milliseconds. An entry that is older than that when it is read was not waited for (`Pending` has the same limit). */
const lateAfter = 15_000;
/** With nothing more to read for so long, all has been read. */
const idleAfter = 2000;
/** Of silence, after which journalctl is suspected; doubled for each time in a row. */
const [stallAfter, longestStall] = [30_000, 600_000];

/** How far the journal has been read, and how far behind that is. */
export class Progress {
  readonly #clock: Clock;
  #place: Place | undefined;
  #lag: number | undefined;
  #lastRead: number;
  #catchingUp = true;
  #atEnd = false;
  #stall = stallAfter;

  constructor(clock: Clock, place?: Place) {
    this.#clock = clock;
    this.#place = place;
    this.#lastRead = clock.monotonic();
  }

  get place(): Place | undefined {
    return this.#place;
  }

  set place(place: Place | undefined) {
    this.#place = place;
  }

  /** How old the last entry was when it was read, in milliseconds; undefined before the first. */
  get lag(): number | undefined {
    return this.#lag;
  }

  /** What is read now is long past. */
  get catchingUp(): boolean {
    return this.#catchingUp;
  }

  /** An entry, read at `now` (milliseconds since the epoch). */
  read(fields: EntryFields, now: number): void {
    const stored = Number(fields.get("__REALTIME_TIMESTAMP") ?? now * 1000);
    const cursor = fields.get("__CURSOR");
    this.#place = { read: stored, ...(cursor !== undefined && { cursor }) };
    this.#lag = Math.max(0, now - stored / 1000);
    this.#lastRead = this.#clock.monotonic();
    this.#catchingUp = this.#lag >= lateAfter;
    this.#stall = stallAfter;
  }

  /** journalctl has begun to read all that is there, or has read it. */
  reached(end: boolean): void {
    this.#atEnd = end;
    if (end) this.#catchingUp = false;
  }

  /** The cursor is of no use: what is known is a time. */
  loseCursor(): void {
    if (this.#place !== undefined) this.#place = { read: this.#place.read };
  }

  /** Called now and then: one late entry, and none since, is not being behind. */
  settle(): void {
    if (this.#atEnd && this.#clock.monotonic() - this.#lastRead > idleAfter) this.#catchingUp = false;
  }

  /** Whether nothing has come for longer than should be; the next time it takes twice as long. */
  isStalled(): boolean {
    if (this.#clock.monotonic() - this.#lastRead < this.#stall) return false;
    this.#stall = Math.min(this.#stall * 2, longestStall);
    return true;
  }
}
