import { joinBySeries, type Sample, type Tags, tagsKey } from "./sample.ts";

interface GateOptions {
  /** Series that may be alive at once; a Datadog series is billed for the hour in which it was seen. */
  readonly maxSeries: number;
  /** Milliseconds after which a counter that stands still is no longer sent. */
  readonly idle: number;
  /** Names of the gauges that, like counts, are not sent while they stand at 0. */
  readonly quietGauges: ReadonlySet<string>;
  /** Names of the gauges of which the worst is sent where several become one. */
  readonly byMax: ReadonlySet<string>;
  /** Tags of what is sent in place of a series above the budget. */
  readonly fold: (tags: Tags) => Tags;
}

export interface Gated {
  readonly samples: readonly Sample[];
  /** Samples that were joined into an `over_budget` series. */
  readonly folded: number;
}

const hour = 3_600_000;

/** By metric name, when each series of one set of tags last moved (a gauge: was last sent), in milliseconds since the epoch. */
type Moved = Map<string, number>;

/** What may leave this host: what moves or stands at something, and no more series than the budget. */
export class SeriesGate {
  readonly #options: GateOptions;
  readonly #byTags = new Map<string, Moved>();
  /** The same, by the object that was seen last time: to compare whole sets of tags for each sample would be most of a cycle. */
  #known = new WeakMap<Tags, Moved>();
  #size = 0;
  /** Before that time nothing expires. */
  #expiry = 0;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Series alive now. */
  get size(): number {
    return this.#size;
  }

  /** Samples of one collector's cycle at `now`, each series at most once; the sums over network and host stay true. */
  pass(samples: readonly Sample[], now: number): Gated {
    this.#expire(now);
    const passed: Sample[] = [];
    const folded: Sample[] = [];
    for (const sample of samples) {
      const moved = this.#movedOf(sample.tags);
      if (!this.#moves(sample, moved, now)) continue;
      if (moved.has(sample.name) || this.#size < this.#options.maxSeries) this.#pass(sample, moved, now, passed);
      else folded.push({ ...sample, tags: { ...this.#options.fold(sample.tags), over_budget: "true" } });
    }
    return { samples: [...passed, ...joinBySeries(folded, this.#options.byMax)], folded: folded.length };
  }

  #pass(sample: Sample, moved: Moved, now: number, passed: Sample[]): void {
    if (this.#isLoud(sample)) {
      if (!moved.has(sample.name)) this.#size++;
      moved.set(sample.name, now);
    }
    passed.push(sample);
  }

  /** A counter that never moved is not sent, one that stopped goes on being sent as 0 for the idle time. */
  #moves(sample: Sample, moved: Moved, now: number): boolean {
    if (this.#isLoud(sample)) return true;
    const last = moved.get(sample.name);
    return last !== undefined && now - last <= this.#options.idle;
  }

  #isLoud({ name, type, value }: Sample): boolean {
    return value !== 0 || (type === "gauge" && !this.#options.quietGauges.has(name));
  }

  #movedOf(tags: Tags): Moved {
    const known = this.#known.get(tags);
    if (known !== undefined) return known;
    const key = tagsKey(tags);
    const moved = this.#byTags.get(key) ?? new Map<string, number>();
    this.#byTags.set(key, moved);
    this.#known.set(tags, moved);
    return moved;
  }

  #expire(now: number): void {
    if (now <= this.#expiry) return;
    const after = Math.max(hour, this.#options.idle);
    let oldest = now;
    for (const [key, moved] of this.#byTags) {
      for (const [name, at] of moved) {
        if (now - at <= after) oldest = Math.min(oldest, at);
        else if (moved.delete(name)) this.#size--;
      }
      if (moved.size === 0) this.#byTags.delete(key);
    }
    this.#known = new WeakMap();
    this.#expiry = oldest + after;
  }
}
