import type { Sample } from "../../emit/sample.ts";
import type { Clock } from "../../host/host.ts";
import { messageOf } from "../../host/thrown.ts";
import type { Progress } from "./progress.ts";
import type { Store } from "./store.ts";
import type { Tally } from "./tally.ts";

export interface OutgoingOptions {
  readonly tally: Tally;
  readonly progress: Progress;
  readonly store: Store;
  readonly clock: Clock;
  /** Resolves when the samples were handed to the network. */
  readonly send: (samples: readonly Sample[]) => Promise<void>;
  readonly log: (level: "info" | "warn", message: string) => void;
}

/** So many samples go at once: well below what a sink holds. */
const mostAtOnce = 4000;
/** Milliseconds between two checkpoints. */
const between = 1000;
/** A counter that stands still is told as 0 for so long; milliseconds. How long it is really sent the sinks decide. */
const quietAfter = 3_600_000;

/** Counts on their way out, each together with the place in the journal up to which it counts. */
export class Outgoing {
  readonly #options: OutgoingOptions;
  /** A checkpoint is on disk. To send what it does not hold could count that twice. */
  #stored: boolean;
  #problem: string | undefined;
  /** What has been written down: place and counts by identity. */
  #written: unknown;

  constructor(options: OutgoingOptions, stored: boolean) {
    this.#options = options;
    this.#stored = stored;
  }

  /** Why the checkpoint can not be written. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Sends late buckets that are whole, and, where that is due, what is of now. */
  async sendCounts(due: boolean): Promise<void> {
    const { tally, progress } = this.#options;
    for (let rest = due; rest || tally.pending.isReady(!progress.catchingUp); rest = false) {
      const closedBefore = tally.pending.closed;
      const late = tally.pending.takeLate(mostAtOnce, !progress.catchingUp);
      const samples = rest ? [...late, ...tally.pending.takeLive(this.#known())] : late;
      if (samples.length === 0 || !(await this.#deliver(samples, closedBefore))) return;
    }
  }

  #known() {
    const { tally, progress, clock } = this.#options;
    if (progress.catchingUp) return [];
    const now = clock.now();
    return [...tally.book.cells()].filter(({ moved }) => now - moved < quietAfter);
  }

  /** Whether they went, as far as this side can tell. Where the checkpoint can not be written, they are pending again. */
  async #deliver(samples: readonly Sample[], closedBefore: number): Promise<boolean> {
    const { tally, store } = this.#options;
    let id: string;
    try {
      id = await store.sending(tally.book, this.#snapshot(), { samples, closedBefore });
      this.#wrote(undefined);
    } catch (error) {
      this.#failed(error);
      if (this.#stored) return this.#hold(samples, closedBefore);
      await this.#send(samples);
      return true;
    }
    await this.#send(samples);
    this.#sent(id);
    return true;
  }

  #hold(samples: readonly Sample[], closedBefore: number): false {
    const { pending, book } = this.#options.tally;
    const counts = samples.filter(({ value }) => value > 0);
    pending.putBack(
      counts.map((sample) => [book.known(sample), sample.value, sample.at] as const),
      closedBefore,
    );
    return false;
  }

  /** A failure is the sinks' to count; to send again what may have gone would count it double. */
  async #send(samples: readonly Sample[]): Promise<void> {
    try {
      await this.#options.send(samples);
    } catch (error) {
      this.#options.log("warn", `counts could not be sent: ${messageOf(error)}`);
    }
  }

  #sent(id: string): void {
    try {
      this.#options.store.sent(id);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Writes the checkpoint where something moved since; once a second at most, but for the `last` one. */
  async save(last: boolean): Promise<void> {
    const { tally, store, progress, clock } = this.#options;
    const { place } = progress;
    if (place === undefined || place === this.#written) return;
    if (!last && this.#written !== undefined && clock.now() - (store.saved() ?? 0) < between) return;
    try {
      await store.save(tally.book, this.#snapshot());
      this.#wrote(place);
    } catch (error) {
      this.#failed(error);
    }
  }

  #snapshot() {
    const { tally, progress } = this.#options;
    return { place: progress.place ?? { read: 0 }, tally: tally.state() };
  }

  #wrote(place: unknown): void {
    this.#written = place;
    this.#stored = true;
    this.#problem = undefined;
  }

  #failed(error: unknown): void {
    this.#problem = messageOf(error);
    this.#options.log(
      "warn",
      `${this.#problem}; ${this.#stored ? "counts are held back until it can" : "a restart begins anew"}`,
    );
  }
}
