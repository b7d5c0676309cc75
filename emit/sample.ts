/** Made once and never changed: what is derived from it is remembered under the object itself. */
export type Tags = Readonly<Record<string, string>>;

/** One value on its way to the sinks. */
export interface Sample {
  /** Without the configurable prefix: `net.bytes_rcvd`. */
  readonly name: string;
  /** A count is the growth since the last cycle, a gauge the value now. */
  readonly type: "count" | "gauge";
  readonly value: number;
  readonly tags: Tags;
  /** Seconds since the epoch, whole: when it was, for what is told late. Without it, now. */
  readonly at?: number;
}

/**
 * Identity of a series: name and tags in a fixed order. Two samples with one key are one billed series, and no others:
 * a label may hold any separator.
 */
export function seriesKey(name: string, tags: Tags): string {
  return `${JSON.stringify(name)}${tagsKey(tags)}`;
}

const keys = new WeakMap<Tags, string>();

/** The same for tags that say the same, in whatever order. */
export function tagsKey(tags: Tags): string {
  const known = keys.get(tags);
  if (known !== undefined) return known;
  const names = Object.keys(tags).toSorted();
  const key = JSON.stringify([...names, ...names.map((name) => tags[name])]);
  keys.set(tags, key);
  return key;
}

const derived = new WeakMap<Tags, Map<string, Map<string, Tags>>>();

/** The tags with one more, or another value for one: the same object for the same question. */
export function withTag(tags: Tags, key: string, value: string): Tags {
  const byKey = getOrMake(derived, tags, () => new Map<string, Map<string, Tags>>());
  const byValue = getOrMake(byKey, key, () => new Map<string, Tags>());
  return getOrMake(byValue, value, () => ({ ...tags, [key]: value }));
}

interface Memory<K, V> {
  readonly get: (key: K) => V | undefined;
  readonly set: (key: K, value: V) => unknown;
}

function getOrMake<K, V>(memory: Memory<K, V>, key: K, make: () => V): V {
  const known = memory.get(key);
  if (known !== undefined) return known;
  const made = make();
  memory.set(key, made);
  return made;
}

/**
 * One sample a series and time: DogStatsD would add up counts by itself, but keep only the last of several gauges. Values are
 * summed, but of metrics in `byMax` the greatest is taken.
 */
export function joinBySeries(samples: readonly Sample[], byMax: ReadonlySet<string>): readonly Sample[] {
  const joined = new Map<string, Sample>();
  for (const sample of samples) {
    const key = `${sample.at ?? ""}${seriesKey(sample.name, sample.tags)}`;
    const before = joined.get(key);
    joined.set(key, before === undefined ? sample : { ...before, value: joinOf(before, sample, byMax) });
  }
  return [...joined.values()];
}

const joinOf = ({ name, value }: Sample, other: Sample, byMax: ReadonlySet<string>): number =>
  byMax.has(name) ? Math.max(value, other.value) : value + other.value;
