/** One metric as its room declares it: the source of types, metadata.csv and the README tables. */
export interface MetricSpec {
  readonly type: "count" | "gauge";
  /** Singular, from Datadog's closed list of units ("byte", "packet", "connection"...). */
  readonly unit: string;
  /** Tags beside the container's and the global ones. */
  readonly tags: readonly string[];
  /** One ASCII sentence, no `|`, 400 characters at most (metadata.csv refuses others). */
  readonly help: string;
  /** -1: lower is better, 1: higher is better, 0: neither. */
  readonly orientation: -1 | 0 | 1;
  /** A gauge of which a host has many that stand at 0: such a one is not sent until it is something else, as counts are not. */
  readonly quietAtZero?: true;
  /** A gauge of which the worst counts where several series become one (a profile, the budget); others are summed. */
  readonly join?: "max";
}

export type MetricTable = Readonly<Record<string, MetricSpec>>;

/** Names of one type in a table, so that a gauge can not be sent as a count. */
export type NamesOf<M extends MetricTable, T extends MetricSpec["type"]> = {
  [N in keyof M & string]: M[N]["type"] extends T ? N : never;
}[keyof M & string];

export function defineMetrics<const M extends MetricTable>(metrics: M): M {
  return metrics;
}
