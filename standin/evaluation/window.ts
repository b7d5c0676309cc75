import type { Aggregator, PlainQuery } from "./plain-query.ts";
import { bucket, type Series } from "./store.ts";

/** Points of one group: by the time at which their bucket begins. */
export type Points = ReadonlyMap<number, number>;

/**
 * The end of the window that is judged at a time: the end of the last whole bucket, for the agent sends a bucket when it
 * is over. (That it comes without any further delay is ours.)
 */
export const endOf = (now: number, delay: number): number => Math.floor((now - delay) / bucket) * bucket;

/**
 * A point for each bucket of `[end - window, end)` in which one of the series has one, joined by the query's aggregator
 * of space. Gaps of single series are not interpolated (ours: the true one draws a line through the gaps of gauges).
 */
export function pointsOf(series: readonly Series[], query: PlainQuery, end: number): Points {
  const points = new Map<number, number>();
  for (let start = end - query.window; start < end; start += bucket) {
    const values = series.map((one) => valueAt(one, start, query.asCount)).filter((value) => value !== undefined);
    if (values.length > 0) points.set(start, aggregate(query.space, values));
  }
  return points;
}

/** A count that DogStatsD sends is a rate, by the second, unless `.as_count()` is asked for (docs: Metric types). */
function valueAt({ type, points }: Series, start: number, asCount: boolean): number | undefined {
  const value = points.get(start);
  return value !== undefined && type === "count" && !asCount ? value / (bucket / 1000) : value;
}

/** Of one value at least. */
export function aggregate(by: Aggregator, values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + value, 0);
  if (by === "sum") return sum;
  if (by === "avg") return sum / values.length;
  return values.reduce((found, value) => (by === "max" ? Math.max(found, value) : Math.min(found, value)));
}

/**
 * Whether the window is "full" (docs: Metric monitors, Data window): parts of a minute where it is given in minutes, of
 * ten where in hours; a point in the first, and three empty ones at most.
 */
export function isFull(points: Points, { window, unit }: Pick<PlainQuery, "window" | "unit">, end: number): boolean {
  const size = unit === "m" ? 60_000 : 600_000;
  const filled = new Set([...points.keys()].map((start) => Math.floor((start - (end - window)) / size)));
  return filled.has(0) && window / size - filled.size <= 3;
}
