import { type Sample, seriesKey, type Tags } from "../sample.ts";
import { encodeLine } from "./line.ts";

interface LinesOptions {
  /** Before each metric name; ends in a dot, or is empty. */
  readonly prefix: string;
  /** On every line; a sample's own tag of the same key replaces one. */
  readonly tags: Tags;
}

interface Batch {
  /** Each with the newline at its end, and the number of samples that it holds. */
  readonly lines: readonly { readonly text: string; readonly samples: number }[];
  /** Samples left out: a value that is not finite, a count that is not a whole number from 0 on, or a time that is none. */
  readonly invalid: number;
}

/**
 * The samples of one cycle at `at` (milliseconds since the epoch): one line for each measurement, set of tags and time of
 * their own. Counts become integers, gauges floats. Samples of one series are summed: two values of one field would hide one another.
 */
export function linesOf(samples: readonly Sample[], at: number, options: LinesOptions): Batch {
  const now = BigInt(Math.round(at)) * 1_000_000n;
  const lines = [...groupsOf(samples.filter(isValid), options).values()].flatMap((group) => {
    const time = group.at === undefined ? now : BigInt(group.at) * 1_000_000_000n;
    const text = encodeLine({ ...group, fields: [...group.fields], time });
    return text === undefined ? [] : [{ text: `${text}\n`, samples: group.samples }];
  });
  return { lines, invalid: samples.length - lines.reduce((all, line) => all + line.samples, 0) };
}

/**
 * `net.bytes_rcvd` is the field `bytes_rcvd` of `overlaywatch_net`, so that all that is known of one interface stands in
 * one line. The dots of a longer name become underscores, and a name of one word has the field `value`.
 */
export function influxName(prefix: string, metric: string): { readonly measurement: string; readonly field: string } {
  const [first = "", ...rest] = metric.split(".");
  return { measurement: `${prefix}${first}`.replaceAll(".", "_"), field: rest.join("_") || "value" };
}

interface Group {
  readonly measurement: string;
  readonly tags: Tags;
  readonly fields: Map<string, number | bigint>;
  /** Seconds since the epoch; the cycle's own time otherwise. */
  readonly at?: number;
  samples: number;
}

function groupsOf(samples: readonly Sample[], { prefix, tags: common }: LinesOptions): ReadonlyMap<string, Group> {
  const groups = new Map<string, Group>();
  const dress = dresser(common);
  const names = new Map<string, ReturnType<typeof influxName>>();
  for (const { name, type, value, tags: own, at } of samples) {
    const named = names.get(name) ?? influxName(prefix, name);
    names.set(name, named);
    const { measurement, field } = named;
    const { tags, key } = dress(own);
    const id = measurement + key + (at ?? "");
    const group = groups.get(id) ?? {
      measurement,
      tags,
      fields: new Map(),
      samples: 0,
      ...(at !== undefined && { at }),
    };
    const sum = Number(group.fields.get(field) ?? 0) + value;
    group.fields.set(field, type === "count" ? BigInt(sum) : sum);
    group.samples += 1;
    groups.set(id, group);
  }
  return groups;
}

/** All tags of a line, and what tells them from others. Samples of one interface share the object: worked out once for all. */
function dresser(common: Tags): (own: Tags) => { readonly tags: Tags; readonly key: string } {
  const known = new Map<Tags, { readonly tags: Tags; readonly key: string }>();
  return (own) => {
    const before = known.get(own);
    if (before !== undefined) return before;
    const tags = withValue({ ...common, ...own });
    const dressed = { tags, key: seriesKey("", tags) };
    known.set(own, dressed);
    return dressed;
  };
}

/** The protocol has no empty values. */
function withValue(tags: Tags): Tags {
  return Object.fromEntries(Object.entries(tags).filter(([, value]) => value !== ""));
}

function isValid({ type, value, at = 1 }: Sample): boolean {
  if (!Number.isSafeInteger(at) || at < 1) return false;
  return type === "count" ? Number.isSafeInteger(value) && value >= 0 : Number.isFinite(value);
}
