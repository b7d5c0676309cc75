import type { Sample } from "../sample.ts";

interface Arrived {
  readonly at: number;
  readonly sample: Sample;
}

/** The counts of the last ten seconds, as they arrive from elsewhere: smooth although senders come at their own times. */
export class RateWindow {
  readonly #length = 10_000;
  #arrived: Arrived[] = [];
  #first: number | undefined;

  /** `at` in milliseconds of one clock. */
  add(sample: Sample, at: number): void {
    // What the first batch tells grew before anybody looked.
    this.#first ??= at;
    this.#arrived.push({ at, sample });
  }

  samples(now: number): readonly Sample[] {
    this.#arrived = this.#arrived.filter(({ at }) => now - at < this.#length);
    return this.#arrived.map(({ sample }) => sample);
  }

  /** How long the samples took to gather, in seconds. */
  seconds(now: number): number {
    return this.#first === undefined ? 0 : Math.max(Math.min(now - this.#first, this.#length), 1000) / 1000;
  }
}
