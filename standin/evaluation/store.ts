import type { Message } from "../../emit/dogstatsd/parse.ts";
import type { ParsedMetric } from "../../emit/dogstatsd/parse-metric.ts";
import type { Json } from "../json.ts";

/** Milliseconds of the agent's flush interval: all samples of a series within it become one point (docs: DogStatsD). */
export const bucket = 10_000;

/** How long points are kept, in milliseconds: no longer window can be judged. */
export const kept = 3_600_000;

/** The agent's clients may send times that late and that early (docs: Metrics, "Submitting historical metrics"). */
const [latest, earliest] = [600_000, 3_600_000];

export interface Series {
  readonly name: string;
  readonly type: "count" | "gauge";
  /** `key:value`, or a word; sorted, each once. */
  readonly tags: readonly string[];
  /** When the first sample came. */
  readonly since: number;
  /** By the time at which the bucket begins, in the order in which the buckets were opened. */
  readonly points: Map<number, number>;
}

export interface StoreOptions {
  readonly now: () => number;
  /** The agent puts its host's name to what it passes on; a sample's own tag `host:` wins. */
  readonly hostname: string;
  /** Series beyond are not kept, and counted; 20,000 where it is not given. */
  readonly most?: number;
}

/** The metrics that an agent of this host would have sent: the last hour of each series, a point for 10 s. */
export class Store {
  readonly #byName = new Map<string, Map<string, Series>>();
  readonly #ignored: Record<string, number> = {};
  readonly #options: StoreOptions;
  #size = 0;
  #pruned = -Infinity;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  /** Counts are summed within a bucket, of a gauge the last value stands; other types are counted and left out. */
  take(message: Message): void {
    if (message.kind !== "metric") return this.#ignore(message.kind);
    const { name, type, tags } = message;
    if (type !== "count" && type !== "gauge") return this.#ignore(type);
    const [at, value] = [this.#timeOf(message), valueOf(message)];
    if (at === undefined || !Number.isFinite(value)) return this.#ignore(at === undefined ? "bad time" : "no number");
    const series = this.#seriesOf(name, type, tags);
    if (series !== undefined) put(series, Math.floor(at / bucket) * bucket, value);
  }

  of(name: string): readonly Series[] {
    this.#prune();
    return [...(this.#byName.get(name)?.values() ?? [])];
  }

  /** What `GET /standin/metrics` answers. */
  shown(): Json {
    this.#prune();
    const all = [...this.#byName.values()].flatMap((one) => [...one.values()]);
    return {
      series: all.map(({ name, type, tags, points }) => {
        const last = Math.max(...points.keys());
        return { name, type, tags, points: points.size, last_value: points.get(last) ?? null, last_at: last / 1000 };
      }),
      ignored: { ...this.#ignored },
    };
  }

  #timeOf({ timestamp }: ParsedMetric): number | undefined {
    const now = this.#options.now();
    if (timestamp === undefined) return now;
    const at = timestamp * 1000;
    return at > now + latest || at < now - earliest ? undefined : at;
  }

  #ignore(why: string): void {
    this.#ignored[why] = (this.#ignored[why] ?? 0) + 1;
  }

  #seriesOf(name: string, type: Series["type"], sent: readonly string[]): Series | undefined {
    // `dd.internal.*` speaks to the agent, and ends there.
    const own = sent.filter((tag) => !tag.startsWith("dd.internal."));
    const host = own.some((tag) => tag.startsWith("host:")) ? [] : [`host:${this.#options.hostname}`];
    const tags = [...new Set([...own, ...host])].toSorted();
    const byTags = this.#byName.get(name) ?? new Map<string, Series>();
    const key = JSON.stringify([type, ...tags]);
    const known = byTags.get(key);
    if (known !== undefined) return known;
    if (this.#size >= (this.#options.most ?? 20_000)) {
      this.#ignore("too many series");
      return undefined;
    }
    const series: Series = { name, type, tags, since: this.#options.now(), points: new Map() };
    this.#byName.set(name, byTags.set(key, series));
    this.#size++;
    return series;
  }

  #prune(): void {
    const now = this.#options.now();
    if (now - this.#pruned < bucket) return;
    this.#pruned = now;
    for (const byTags of this.#byName.values()) {
      for (const [key, { points }] of byTags) {
        for (const start of points.keys()) if (start < now - kept - bucket) points.delete(start);
        if (points.size === 0 && byTags.delete(key)) this.#size--;
      }
    }
  }
}

const put = ({ type, points }: Series, start: number, value: number) =>
  void points.set(start, type === "count" ? (points.get(start) ?? 0) + value : value);

/** Of packed values: a count's sum, what the sample rate stands for included; a gauge's last. */
const valueOf = ({ type, values = [], sample_rate: rate }: ParsedMetric): number =>
  type === "count" ? values.reduce((sum, value) => sum + value / rate, 0) : (values.at(-1) ?? NaN);
