import { type Scope, scopeOf } from "./scope.ts";

export const aggregators = ["avg", "max", "min", "sum"] as const;
export type Aggregator = (typeof aggregators)[number];

export const operators = [">=", "<=", "==", "!=", ">", "<"] as const;
export type Operator = (typeof operators)[number];

/** `TIME(last_5m):SPACE:METRIC{SCOPE} by {TAGS} > 5`: what is evaluated here. */
export interface PlainQuery {
  readonly time: Aggregator;
  /** Milliseconds. */
  readonly window: number;
  /** Whether the window was given in minutes or in hours: what "full" is made of. */
  readonly unit: "m" | "h";
  readonly space: Aggregator;
  readonly metric: string;
  readonly scope: Scope;
  readonly by: readonly string[];
  readonly asCount: boolean;
  readonly operator: Operator;
  readonly threshold: number;
}

const form =
  /^(?<time>\w+)\(last_(?<count>\d+)(?<unit>[mh])\):(?<space>\w+):(?<metric>[A-Za-z][\w.]*)\{(?<filter>[^{}]*)\}(?:\s*by\s*\{(?<by>[^{}]*)\})?(?<asCount>\.as_count\(\))?\s*(?<operator>[<>=!]{1,2})\s*(?<threshold>-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/iu;

/** The query, or why it is not evaluated here. */
export function plainQueryOf(type: string, query: string): PlainQuery | string {
  if (type !== "query alert" && type !== "metric alert") return `monitors of type ${type} are not evaluated here`;
  const parts = form.exec(query.trim())?.groups ?? {};
  const words = wordsOf(parts);
  if (words === undefined) return reasonOf(query);
  const scope = scopeOf(parts["filter"] ?? "");
  if (scope === undefined) return `the filter {${parts["filter"]}} is not understood here: only terms that all hold`;
  return {
    ...words,
    metric: parts["metric"] ?? "",
    scope,
    window: Number(parts["count"]) * (words.unit === "h" ? 3_600_000 : 60_000),
    by: keysOf(parts["by"]),
    asCount: parts["asCount"] !== undefined,
    threshold: Number(parts["threshold"]),
  };
}

type Parts = Readonly<Record<string, string>>;

/** The words of which there are only some; undefined where one is none of them. */
function wordsOf({
  time,
  space,
  operator,
  unit,
}: Parts): Pick<PlainQuery, "time" | "space" | "operator" | "unit"> | undefined {
  const [timely, spatial, sign] = [oneOf(aggregators, time), oneOf(aggregators, space), oneOf(operators, operator)];
  if (timely === undefined || spatial === undefined || sign === undefined) return undefined;
  return { time: timely, space: spatial, operator: sign, unit: unit === "h" ? "h" : "m" };
}

const keysOf = (by = ""): readonly string[] =>
  by
    .split(",")
    .map((key) => key.trim())
    .filter((key) => key !== "");

const oneOf = <T extends string>(all: readonly T[], text: string | undefined): T | undefined =>
  all.find((one) => one === text);

const functions = /\b(anomalies|forecast|outliers|pct_change|change|default_zero|formula|\w+(?=\())\(/u;

function reasonOf(query: string): string {
  const [, name] =
    functions.exec(query.replace(/^\s*(?:avg|max|min|sum)\(last_/u, "").replaceAll(".as_count()", "")) ?? [];
  const what = name === undefined ? "arithmetic, or another form" : `the function ${name}`;
  return `${what} is not evaluated here: only TIME(last_Nm):SPACE:METRIC{FILTER} by {TAGS} > N is`;
}
