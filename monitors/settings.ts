/** What a monitor is for: somebody is woken, somebody looks at it next day, or it is there to be seen beside an outage. */
export const levels = ["page", "ticket", "inform"] as const;
export type Level = (typeof levels)[number];

export interface Thresholds {
  readonly critical: number;
  readonly critical_recovery?: number | undefined;
  readonly warning?: number | undefined;
  readonly warning_recovery?: number | undefined;
}

/** What to set in place of a monitor's own thresholds. */
export type ThresholdChanges = { readonly [N in keyof Thresholds]?: number | undefined };

/** Where critical alone is changed, the others keep their share of it: a recovery stays below. */
export function changed(own: Thresholds, changes: ThresholdChanges = {}): Thresholds {
  const critical = changes.critical ?? own.critical;
  const share = own.critical === 0 ? 1 : critical / own.critical;
  const moved = (value: number | undefined) =>
    value === undefined ? undefined : Number((value * share).toPrecision(6));
  return {
    critical,
    critical_recovery: changes.critical_recovery ?? moved(own.critical_recovery),
    warning: changes.warning ?? moved(own.warning),
    warning_recovery: changes.warning_recovery ?? moved(own.warning_recovery),
  };
}

/** What the user decides about all monitors. */
export interface MonitorSettings {
  /** Put before every metric name, with its dot. */
  readonly prefix: string;
  /** Terms of a Datadog filter that every shipped query has: `env:prod`, `!team:lab`. */
  readonly scope: readonly string[];
  /** Handles, with their `@`, by level. */
  readonly notify: Readonly<Record<Level, readonly string[]>>;
  /** By key of the monitor. */
  readonly thresholds: Readonly<Record<string, ThresholdChanges>>;
  /** Keys of shipped monitors that are not wanted. */
  readonly skip: readonly string[];
  /** Where the gateway is reached from outside. Without it there is no webhook, and no message mentions it. */
  readonly webhookUrl: string | undefined;
  /** Names of webhooks that the organisation has beside this one. */
  readonly otherWebhooks: readonly string[];
}

/** A file of the user's, as read. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}
