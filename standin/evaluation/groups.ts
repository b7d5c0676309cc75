import type { PlainQuery } from "./plain-query.ts";
import type { Series } from "./store.ts";

/** One combination of the values of the tags that a query is broken down by. */
export interface Group {
  /** `host:a,docker_network:b`, in the query's order; `*` where it is not broken down. Its key as well. */
  readonly scope: string;
  readonly series: readonly Series[];
}

/** The groups of all series that pass the filter; a series without one of the tags is in none (docs: Set alert aggregation). */
export function groupsOf(series: readonly Series[], { scope, by }: Pick<PlainQuery, "scope" | "by">): readonly Group[] {
  const found = new Map<string, Series[]>();
  for (const one of series) {
    if (!scope(new Set(one.tags))) continue;
    for (const key of scopesOf(one.tags, by)) found.set(key, [...(found.get(key) ?? []), one]);
  }
  return [...found].map(([key, members]) => ({ scope: key, series: members }));
}

/** A tag that a series has twice puts it into two groups. */
function scopesOf(tags: readonly string[], by: readonly string[]): readonly string[] {
  if (by.length === 0) return ["*"];
  return by
    .map((key) => tags.filter((tag) => tag.startsWith(`${key}:`)))
    .reduce((made: readonly string[][], own) => made.flatMap((before) => own.map((tag) => [...before, tag])), [[]])
    .map((parts) => parts.join(","));
}
