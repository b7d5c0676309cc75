import { isList, isObject, type Json } from "../json.ts";

type Check = (value: Json) => boolean;

const text: Check = (value) => typeof value === "string";
const flag: Check = (value) => typeof value === "boolean";
const number: Check = (value) => typeof value === "number";
const whole =
  (least = 0, most = Infinity): Check =>
  (value) =>
    typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
const nullable =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    isList(value) && value.every(check);
const oneOf =
  (...texts: readonly string[]): Check =>
  (value) =>
    typeof value === "string" && texts.includes(value);

/** The enumeration of the official schema, MonitorType. */
const types: readonly string[] = [
  "composite",
  "event alert",
  "log alert",
  "metric alert",
  "process alert",
  "query alert",
  "rum alert",
  "service check",
  "synthetics alert",
  "trace-analytics alert",
  "slo alert",
  "event-v2 alert",
  "audit alert",
  "ci-pipelines alert",
  "ci-tests alert",
  "error-tracking alert",
  "database-monitoring alert",
  "network-performance alert",
  "cost alert",
  "data-quality alert",
  "network-path alert",
  "data-jobs alert",
  "llm-observability alert",
];

/** What a client may set; the rest of what it sends is read-only or unknown, and dropped without a word. */
export const topFields: Readonly<Record<string, Check>> = {
  name: text,
  type: oneOf(...types),
  query: text,
  message: text,
  tags: listOf(text),
  // 0 is taken, and kept as null (4.2).
  priority: nullable(whole(0, 5)),
  options: isObject,
  restricted_roles: nullable(listOf(text)),
  assets: nullable(listOf(isObject)),
  draft_status: oneOf("draft", "published"),
};

/** Options of the official schema, MonitorOptions, and `avalanche_window`, which only the traffic shows (4.2). */
export const optionFields: Readonly<Record<string, Check>> = {
  avalanche_window: whole(),
  enable_logs_sample: flag,
  enable_samples: flag,
  escalation_message: text,
  evaluation_delay: nullable(whole()),
  group_retention_duration: (value) => typeof value === "string" && isRetention(value),
  groupby_simple_monitor: flag,
  include_tags: flag,
  locked: flag,
  min_failure_duration: nullable(whole(0, 7200)),
  min_location_failed: nullable(whole()),
  new_group_delay: nullable(whole()),
  new_host_delay: nullable(whole()),
  no_data_timeframe: nullable(whole()),
  notification_preset_name: oneOf(
    "show_all",
    "hide_query",
    "hide_handles",
    "hide_all",
    "hide_query_and_handles",
    "show_only_snapshot",
    "hide_handles_and_footer",
  ),
  notify_audit: flag,
  notify_by: listOf(text),
  notify_no_data: flag,
  on_missing_data: oneOf("default", "show_no_data", "show_and_notify_no_data", "resolve"),
  renotify_interval: nullable(whole()),
  renotify_occurrences: nullable(whole()),
  renotify_statuses: nullable(listOf(oneOf("alert", "warn", "no data"))),
  require_full_window: flag,
  scheduling_options: isObject,
  silenced: isObject,
  synthetics_check_id: nullable(text),
  threshold_windows: isObject,
  thresholds: isObject,
  timeout_h: nullable(whole(0, 24)),
  variables: listOf(isObject),
};

export const thresholdFields: Readonly<Record<string, Check>> = {
  critical: number,
  critical_query: text,
  critical_recovery: nullable(number),
  critical_recovery_query: text,
  ok: nullable(number),
  unknown: nullable(number),
  warning: nullable(number),
  warning_recovery: nullable(number),
};

/** 60 minutes to 72 hours, as `90m`, `2h` or `1d`. */
function isRetention(value: string): boolean {
  const [, count = "", unit = ""] = /^(\d+)([mhd])$/u.exec(value) ?? [];
  const minutes = Number(count) * ({ m: 1, h: 60, d: 1440 }[unit] ?? 0);
  return minutes >= 60 && minutes <= 4320;
}
