/** What a monitor's query says, as far as rules need it. */
export interface ReadQuery {
  /** Tags whose values a message may name; undefined: whatever the check was sent with (`by("*")`). */
  readonly groupBy: ReadonlySet<string> | undefined;
  /** The comparison at its end; a service check has none. */
  readonly comparison: { readonly operator: Operator; readonly threshold: number } | undefined;
  /** Full names of the metrics. */
  readonly metrics: readonly string[];
}

export const operators = [">=", "<=", "==", "!=", ">", "<"] as const;
export type Operator = (typeof operators)[number];

const atEnd = /(>=|<=|==|!=|>|<)\s*(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/iu;
/** `by {host,docker_network}` of a metric query. */
const inBraces = /\bby\s*\{([^}]*)\}/gu;
/** `.by("host","device")` of a service check, and of what is like an event query. */
const inCalls = /\.by\(([^)]*)\)/gu;
/** `avg:system.load.1{...}`: an aggregator, a colon, a name. */
const metric = /\b(?:avg|sum|min|max|count|p\d{2}):([A-Za-z][\w.]*)\s*\{/gu;

export function readQuery(query: string): ReadQuery {
  const text = query.trim();
  return { groupBy: groupByOf(text), comparison: comparisonOf(text), metrics: metricsIn(text) };
}

/** Names of the metrics of any query, a widget's as well. */
export const metricsIn = (query: string): readonly string[] => [
  ...new Set([...query.matchAll(metric)].map(([, name = ""]) => name)),
];

function comparisonOf(text: string): ReadQuery["comparison"] {
  const [, sign, threshold] = atEnd.exec(text) ?? [];
  const operator = operators.find((one) => one === sign);
  return operator === undefined ? undefined : { operator, threshold: Number(threshold) };
}

function groupByOf(text: string): ReadonlySet<string> | undefined {
  const lists = [...text.matchAll(inBraces), ...text.matchAll(inCalls)].map(([, list = ""]) => list);
  const keys = lists.flatMap((list) => list.split(",").map((key) => key.trim().replaceAll(/^["']|["']$/gu, "")));
  return keys.includes("*") ? undefined : new Set(keys.filter((key) => key !== ""));
}
