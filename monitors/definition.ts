import { type Desired, type Json, type JsonObject, ownerTags } from "./desired.ts";
import type { MetricName } from "./metric-name.ts";
import { changed, type Level, type MonitorSettings, type Thresholds } from "./settings.ts";
import { webhookName } from "./webhook.ts";

/**
 * What a group is when no point of it comes any more.
 * - `keep`: what it was last. For gauges that tell their end (0 is sent for 5 minutes): an agent that dies in an outage
 *   must not resolve the page. `notify_no_data: false` keeps a triggered group until `timeout_h`, which is not set.
 * - `ok`: fine. For counts of bad events, which are not sent while nothing happens.
 * - `notify`: an alert of its own.
 */
export const noDataPolicies = ["keep", "ok", "notify"] as const;
export type NoData = (typeof noDataPolicies)[number];

/** What a definition makes its query of. */
export interface QueryParts {
  /** A metric's full name. */
  readonly metric: (name: MetricName) => string;
  /** The filter in braces, of the user's scope and these terms: `{env:prod AND state:active}`, or `{*}`. */
  readonly scope: (...terms: readonly string[]) => string;
  readonly critical: number;
}

/** One monitor that ships. */
export interface MonitorDefinition {
  /** Lower-case with dashes: the name of its file as well. */
  readonly key: string;
  readonly level: Level;
  /** 1 (high) to 5, as Datadog sorts them. */
  readonly priority: 1 | 2 | 3 | 4 | 5;
  /** Plain text: the webhook's payload carries it. The group's tags are put before it by Datadog. */
  readonly name: string;
  /** What it is told for, and what that does to users; 300 characters at most, for the list of templates. */
  readonly about: string;
  readonly thresholds: Thresholds;
  readonly query: (parts: QueryParts) => string;
  /** For the person on call. */
  readonly message: {
    readonly means: string;
    readonly look: string;
    /** Commands, each with what it does. */
    readonly run: readonly (readonly [string, string])[];
  };
  readonly noData: NoData;
  /** Minutes after which it is told again while it lasts. */
  readonly renotify: number | "never";
  /** Seconds in which a new group is not looked at. Set even where it is 0: Datadog's own default is 300 for a new host. */
  readonly newGroupDelay: number;
  /** Whether the window must be full of points: what "for a minute" is made of. */
  readonly fullWindow: boolean;
  /** Tags by which notifications are put together, where that is coarser than the groups. */
  readonly notifyBy?: readonly string[];
  /** An anomaly's windows. */
  readonly thresholdWindows?: { readonly trigger_window: string; readonly recovery_window: string };
  /** Whether the webhook is called. Its query must be plain and grouped by host: a composite can not name the host. */
  readonly webhook?: true;
}

export const defineMonitor = (definition: MonitorDefinition): MonitorDefinition => definition;

/** The monitor as POST takes it. */
export function monitorOf(definition: MonitorDefinition, settings: MonitorSettings): Desired {
  const { key, level, priority, name } = definition;
  const thresholds = changed(definition.thresholds, settings.thresholds[key]);
  return {
    kind: "monitor",
    key,
    origin: `monitors/${level}/${key}.ts`,
    body: {
      name,
      type: "query alert",
      query: queryOf(definition, settings),
      message: messageOf(definition, settings),
      tags: [...ownerTags(key), "integration:overlaywatch", `level:${level}`],
      priority,
      options: optionsOf(definition, thresholds),
    },
  };
}

export function queryOf({ key, thresholds, query }: MonitorDefinition, settings: MonitorSettings): string {
  return query(queryParts(settings, changed(thresholds, settings.thresholds[key]).critical));
}

function queryParts({ prefix, scope }: MonitorSettings, critical: number): QueryParts {
  return {
    metric: (name) => `${prefix}${name}`,
    // Not by commas: Datadog takes no comma beside AND, OR and IN.
    scope: (...terms) => `{${[...scope, ...terms].join(" AND ") || "*"}}`,
    critical,
  };
}

function messageOf({ message, level, webhook }: MonitorDefinition, { notify, webhookUrl }: MonitorSettings): string {
  const run = message.run.map(([command, does]) => `- \`${command}\`: ${does}`);
  const handles = [
    ...notify[level],
    ...(webhook === true && webhookUrl !== undefined ? [`@webhook-${webhookName}`] : []),
  ];
  return [
    `**What it means.** ${message.means}`,
    `**What to look at.** ${message.look}`,
    `**What to run** on {{host.name}}, as root:\n${run.join("\n")}`,
    ...(handles.length > 0 ? [handles.join(" ")] : []),
  ].join("\n\n");
}

/** `keep`, `ok` and `notify` in the API's words. */
export const noDataOptions: Readonly<Record<NoData, JsonObject>> = {
  keep: { notify_no_data: false },
  ok: { on_missing_data: "resolve" },
  notify: { on_missing_data: "show_and_notify_no_data" },
};

/** What the API would add by itself is written out, so that its answer has nothing new. */
function optionsOf(definition: MonitorDefinition, thresholds: Thresholds): JsonObject {
  const { noData, renotify, newGroupDelay, fullWindow, notifyBy, thresholdWindows } = definition;
  return {
    thresholds: present({ ...thresholds }),
    ...(thresholdWindows === undefined ? {} : { threshold_windows: thresholdWindows }),
    ...noDataOptions[noData],
    ...(notifyBy === undefined ? {} : { notify_by: notifyBy }),
    // Not on a recovery, nor when data stop: only while it lasts.
    ...(renotify === "never" ? {} : { renotify_interval: renotify, renotify_statuses: ["alert"] }),
    new_group_delay: newGroupDelay,
    require_full_window: fullWindow,
    include_tags: true,
    notify_audit: false,
  };
}

/** Without the keys that are undefined: JSON has none. */
export function present(values: { readonly [key: string]: Json | undefined }): JsonObject {
  return Object.fromEntries(
    Object.entries(values).flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const])),
  );
}
