import { type Sample, seriesKey, type Tags } from "./sample.ts";

interface GateOptions {
  /** Series that may be alive at once; a Datadog series is billed for the hour in which it was seen. */
  readonly maxSeries: number;
  /** Milliseconds after which a counter that stands still is no longer sent. */
  readonly idle: number;
  /** Names of the gauges that, like counts, are not sent while they stand at 0. */
  readonly quietGauges: ReadonlySet<string>;
  /** Tags of what is sent in place of a series above the budget. */
  readonly fold: (tags: Tags) => Tags;
}

export interface Gated {
  readonly samples: readonly Sample[];
  /** Samples that were summed into an `over_budget` series. */
  readonly folded: number;
}

const hour = 3_600_000;

/** What may leave this host: what moves or stands at something, and no more series than the budget. */
export class SeriesGate {
  readonly #options: GateOptions;
  /** When each series last moved (a gauge: was last sent), in milliseconds since the epoch. */
  readonly #moved = new Map<string, number>();

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Series alive now. */
  get size(): number {
    return this.#moved.size;
  }

  /** Samples of one collector's cycle at `now`, each series at most once; the sums over network and host stay true. */
  pass(samples: readonly Sample[], now: number): Gated {
    this.#expire(now);
    const passed: Sample[] = [];
    const folded: Sample[] = [];
    for (const sample of samples) {
      const key = seriesKey(sample.name, sample.tags);
      if (!this.#moves(sample, key, now)) continue;
      if (this.#admit(key)) this.#pass(sample, key, now, passed);
      else folded.push({ ...sample, tags: { ...this.#options.fold(sample.tags), over_budget: "true" } });
    }
    return { samples: [...passed, ...folded], folded: folded.length };
  }

  #pass(sample: Sample, key: string, now: number, passed: Sample[]): void {
    if (this.#isLoud(sample)) this.#moved.set(key, now);
    passed.push(sample);
  }

  /** A counter that never moved is not sent, one that stopped goes on being sent as 0 for the idle time. */
  #moves(sample: Sample, key: string, now: number): boolean {
    if (this.#isLoud(sample)) return true;
    const last = this.#moved.get(key);
    return last !== undefined && now - last <= this.#options.idle;
  }

  #isLoud({ name, type, value }: Sample): boolean {
    return value !== 0 || (type === "gauge" && !this.#options.quietGauges.has(name));
  }

  #admit(key: string): boolean {
    return this.#moved.has(key) || this.#moved.size < this.#options.maxSeries;
  }

  #expire(now: number): void {
    for (const [key, at] of this.#moved) if (now - at > Math.max(hour, this.#options.idle)) this.#moved.delete(key);
  }
}
