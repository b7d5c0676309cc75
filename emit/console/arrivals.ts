import { type Sample, seriesKey } from "../sample.ts";

interface Series {
  readonly sample: Sample;
  arrivals: { readonly at: number; readonly value: number }[];
}

/** Counts as they arrive from several senders, each at its own interval: rates over the last ten seconds. */
export class Arrivals {
  readonly #window = 10_000;
  readonly #series = new Map<string, Series>();

  /** `at` in milliseconds, of one clock. */
  add(sample: Sample, at: number): void {
    const key = seriesKey(sample.name, sample.tags);
    const series = this.#series.get(key) ?? { sample, arrivals: [] };
    series.arrivals.push({ at, value: sample.value });
    this.#series.set(key, series);
  }

  /** Each series with its growth a second as the value; one that no longer arrives is forgotten. */
  rates(now: number): readonly Sample[] {
    const rates: Sample[] = [];
    for (const [key, series] of this.#series) {
      series.arrivals = series.arrivals.filter(({ at }) => now - at <= this.#window);
      if (series.arrivals.length === 0) this.#series.delete(key);
      const rate = rateOf(series);
      if (rate !== undefined) rates.push({ ...series.sample, value: rate });
    }
    return rates;
  }
}

/** The first arrival only marks where the growth of the others began. */
function rateOf({ arrivals }: Series): number | undefined {
  const [first, ...rest] = arrivals;
  const last = rest.at(-1);
  if (first === undefined || last === undefined || last.at <= first.at) return undefined;
  return rest.reduce((sum, { value }) => sum + value, 0) / ((last.at - first.at) / 1000);
}
