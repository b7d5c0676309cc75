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

/** Identity of a series: name and tags in a fixed order. Two samples with one key are one billed series. */
export function seriesKey(name: string, tags: Tags): string {
  return `${name}|${Object.keys(tags)
    .toSorted()
    .map((key) => `${key}:${tags[key] ?? ""}`)
    .join(",")}`;
}
