/** What is read out of a monitor's query (research/monitors.md 4.3). */
export interface Query {
  readonly operator: string;
  readonly threshold: number | undefined;
  /** Tag keys that the monitor is broken down by. */
  readonly groups: readonly string[];
}

/** The API's reason why the query is none; "" where it gives no reason. */
export interface BadQuery {
  readonly reason: string;
}

const metricTypes: ReadonlySet<string> = new Set(["metric alert", "query alert"]);
export const isMetric = (type: string): boolean => metricTypes.has(type);
/** Types whose query is `source("search")....last("5m") > 1`. */
const searched =
  /^(?:log|rum|event-v2|audit|ci-pipelines|ci-tests|error-tracking|database-monitoring|network-performance|network-path|llm-observability) alert$/u;

const comparison = /(?<![<>=!])(>=|<=|==|!=|>|<)\s*(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*$/iu;

export function parseQuery(type: string, query: string): Query | BadQuery {
  if (!isBalanced(query)) return { reason: "" };
  if (type === "service check") return parseServiceCheck(query);
  if (type === "composite") return /^[\d\s()&|!]+$/u.test(query) ? plain([]) : { reason: "" };
  return isMetric(type) ? parseMetric(query) : parseSearch(type, query);
}

function parseSearch(type: string, query: string): Query | BadQuery {
  const [tail, operator = "", number = ""] = comparison.exec(query) ?? [];
  // Recorded for `query` as a log alert: "invalid operator specified: ", with nothing behind it.
  if (tail === undefined) return { reason: ": invalid operator specified: " };
  if (searched.test(type) && !/\.last\("\d+[mhd]"\)/u.test(query)) return { reason: "" };
  return { operator, threshold: Number(number), groups: byCalls(query) };
}

const plain = (groups: readonly string[]): Query => ({ operator: "", threshold: undefined, groups });

const metricHead = /^\s*(?:avg|sum|max|min|percentile|(?:change|pct_change)\(\s*(?:avg|sum|max|min)|formula)\s*\(/u;
const windows = /\b(last|current)_(\d+)(m|h|d|w|mo)\b/gu;

function parseMetric(query: string): Query | BadQuery {
  const [tail, operator = "", number = ""] = comparison.exec(query) ?? [];
  if (tail === undefined || !metricHead.test(query)) return { reason: "" };
  const isFormula = /^\s*formula\s*\(/u.test(query);
  const found = [...query.matchAll(windows)];
  if (!isFormula && (found.length === 0 || !query.includes("{"))) return { reason: "" };
  const bad = found.some(([, kind = "", count = "", unit = ""]) => !isWindow(kind, Number(count), unit));
  if (bad) return { reason: "" };
  const groups = [...query.matchAll(/\bby\s*\{([^}]*)\}/gu)].flatMap(([, keys = ""]) => keys.split(","));
  return { operator, threshold: Number(number), groups: unique(groups) };
}

/** last_1m..10080m, last_1h..168h, last_1d, last_1w; current_1h, current_1d, current_1mo. */
function isWindow(kind: string, count: number, unit: string): boolean {
  if (kind === "current") return count === 1 && ["h", "d", "mo"].includes(unit);
  const most = { m: 10_080, h: 168, d: 1, w: 1, mo: 0 }[unit] ?? 0;
  return count >= 1 && count <= most;
}

function parseServiceCheck(query: string): Query | BadQuery {
  const ends = /^\s*"[^"]+"\.over\(.*\)\.last\(\d+\)\.count_by_status\(\)\s*$/u.test(query);
  return ends ? plain(byCalls(query)) : { reason: "" };
}

/** Checks that a service check looks at: the number in `.last(#)`. */
export const lastCount = (query: string): number => Number(/\.last\((\d+)\)/u.exec(query)?.[1] ?? 0);

const byCalls = (query: string): readonly string[] =>
  unique([...query.matchAll(/\.by\(([^)]*)\)/gu)].flatMap(([, keys = ""]) => keys.replaceAll('"', "").split(",")));

const unique = (keys: readonly string[]): readonly string[] => [
  ...new Set(keys.map((key) => key.trim()).filter((key) => key !== "")),
];

/** Ids that a composite's query is made of. */
export const idsIn = (query: string): readonly string[] => unique(query.match(/\d+/gu) ?? []);

function isBalanced(query: string): boolean {
  const closing: Readonly<Record<string, string>> = { ")": "(", "}": "{" };
  const open: string[] = [];
  for (const char of query.replaceAll(/"[^"]*"/gu, "")) {
    if (char === "(" || char === "{") open.push(char);
    else if (char in closing && open.pop() !== closing[char]) return false;
  }
  return open.length === 0;
}
