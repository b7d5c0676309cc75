export type Tags = Readonly<Record<string, string>>;

/** One value on its way to the sinks. */
export interface Sample {
  /** Without the configurable prefix: `net.bytes_rcvd`. */
  readonly name: string;
  /** A count is the growth since the last cycle, a gauge the value now. */
  readonly type: "count" | "gauge";
  readonly value: number;
  readonly tags: Tags;
}

/**
 * Identity of a series: name and tags in a fixed order. Two samples with one key are one billed series, and no others:
 * a label may hold any separator.
 */
export function seriesKey(name: string, tags: Tags): string {
  const keys = Object.keys(tags).toSorted();
  return JSON.stringify([name, ...keys, ...keys.map((key) => tags[key])]);
}

/** One sample a series: DogStatsD would add up counts by itself, but keep only the last of several gauges. */
export function sumBySeries(samples: readonly Sample[]): readonly Sample[] {
  const sums = new Map<string, Sample>();
  for (const sample of samples) {
    const key = seriesKey(sample.name, sample.tags);
    const before = sums.get(key);
    sums.set(key, before === undefined ? sample : { ...before, value: before.value + sample.value });
  }
  return [...sums.values()];
}
