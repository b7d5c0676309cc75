import type { JsonObject } from "../../standin/json.ts";

export const metric = {
  type: "metric alert",
  name: "n",
  query: "avg(last_5m):sum:net.x{*} by {host,device} > 10",
  message: "m",
  options: { thresholds: { critical: 10 } },
};
const withOptions = (options: JsonObject, over: JsonObject = {}): JsonObject => ({
  ...metric,
  ...over,
  options: { thresholds: { critical: 10 }, ...options },
});
const thresholds = (of: JsonObject, query = metric.query): JsonObject => ({
  ...metric,
  query,
  options: { thresholds: of },
});
export const log = {
  type: "log alert",
  name: "n",
  message: "m",
  query: 'logs("service:foo").index("main").rollup("count").by("source").last("5m") > 2',
};
const check = {
  type: "service check",
  name: "n",
  message: "m",
  query: '"ntp.in_sync".over("env:prod").by("host").last(4).count_by_status()',
  options: { thresholds: { ok: 1, warning: 2, critical: 3 } },
};
const anomaly = {
  type: "query alert",
  name: "n",
  message: "m",
  query:
    "avg(last_4h):anomalies(avg:m{*} by {host}, 'basic', 2, direction='both', alert_window='last_15m', interval=60, count_default_zero='true') >= 1",
  options: {
    thresholds: { critical: 1 },
    threshold_windows: { trigger_window: "last_15m", recovery_window: "last_15m" },
  },
};
const event = { type: "event-v2 alert", name: "n", message: "m", query: 'events("a").rollup("count").last("1h") > 10' };
const bad = (name: string) => `The value provided for parameter '${name}' is invalid`;

interface Case {
  /** Bodies and the words that refuse them. */
  readonly refused: readonly (readonly [JsonObject, string])[];
  /** As near to those as can be, but right. */
  readonly accepted: readonly JsonObject[];
}

const withoutType = { name: "n", query: metric.query };
const withoutQuery = { name: "n", type: "metric alert" };

/** One for every rule. `$id` in a query stands for a monitor that exists, `$composite` for a composite. */
export const monitorRuleCases: Readonly<Record<string, Case>> = {
  "type-required": { refused: [[withoutType, "The parameter 'type' is required"]], accepted: [metric] },
  "query-required": { refused: [[withoutQuery, "The parameter 'query' is required"]], accepted: [metric] },
  "field-types": {
    refused: [
      [{ ...metric, type: "netlink alert" }, bad("type")],
      [{ ...metric, message: null }, bad("message")],
      [{ ...metric, tags: ["a", 1] }, bad("tags")],
      [{ ...metric, priority: 6 }, bad("priority")],
      [withOptions({ timeout_h: 25 }), bad("timeout_h")],
      [withOptions({ notification_preset_name: "hide_nothing" }), bad("notification_preset_name")],
      [withOptions({ group_retention_duration: "30m" }), bad("group_retention_duration")],
      [withOptions({ group_retention_duration: "73h" }), bad("group_retention_duration")],
      [withOptions({ renotify_interval: 10, renotify_statuses: ["ok"] }), bad("renotify_statuses")],
      [thresholds({ critical: "10" }), bad("critical")],
    ],
    accepted: [
      { ...metric, tags: ["a"], priority: 5 },
      withOptions({ timeout_h: 24, notification_preset_name: "hide_all", group_retention_duration: "72h" }),
      withOptions({ renotify_interval: 10, renotify_statuses: ["no data"], min_failure_duration: null }),
    ],
  },
  // Of an update: tried on its own below.
  "type-immutable": { refused: [], accepted: [] },
  "query-grammar": {
    refused: [
      [{ ...log, query: "query" }, `${bad("query")}: invalid operator specified: `],
      [{ ...log, query: 'logs("a").rollup("count") > 2' }, bad("query")],
      [{ ...metric, query: "THIS IS A BAD QUERY" }, bad("query")],
      [{ ...metric, query: "avg(last_5m):sum:net.x{*} by {host" }, bad("query")],
      [{ ...metric, query: "avg(last_5m):sum:net.x{*}} > 10" }, bad("query")],
      [{ ...metric, query: "median(last_5m):sum:net.x{*} > 10" }, bad("query")],
      [{ ...metric, query: "avg(last_10081m):sum:net.x{*} > 10" }, bad("query")],
      [{ ...metric, query: "avg(last_2d):sum:net.x{*} > 10" }, bad("query")],
      [{ ...metric, query: "avg(last_5m):sum:net.x{*} =< 10" }, bad("query")],
      [{ ...check, query: '"ntp.in_sync".over("a").by("host")' }, bad("query")],
      [{ type: "composite", name: "n", query: "1 and 2" }, bad("query")],
    ],
    accepted: [
      log,
      check,
      { ...metric, query: "change(avg(last_5m),last_5m):sum:net.x{*} by {host} > 10" },
      { ...metric, query: "avg(current_1mo):sum:net.x{*} > 10" },
      { ...metric, query: "avg(last_168h):sum:net.x{*}.as_rate() > 10" },
      { ...metric, query: 'sum(last_1w):default_zero(sum:net.x{env:"a(b"}) > 1e1', options: {} },
    ],
  },
  "threshold-matches": {
    refused: [
      [thresholds({ critical: 90 }), "Alert threshold (90.0) does not match that used in the query (10.0)."],
      [thresholds({ critical: 0.5 }), "Alert threshold (0.5) does not match that used in the query (10.0)."],
    ],
    accepted: [thresholds({ critical: 10 }), { ...metric, options: {} }],
  },
  "threshold-order": {
    refused: [
      [thresholds({ critical: 10, warning: 11 }), "The warning threshold has to come before the critical threshold"],
      [
        thresholds({ critical: 10, critical_recovery: 12 }),
        "The critical_recovery threshold has to come before the critical threshold",
      ],
      [
        thresholds({ critical: 10, warning: 5, warning_recovery: 6 }),
        "The warning_recovery threshold has to come before the warning threshold",
      ],
      [
        thresholds({ critical: 10, warning: 9 }, "avg(last_5m):sum:net.x{*} < 10"),
        "The warning threshold has to come before the critical threshold",
      ],
    ],
    accepted: [
      thresholds({ critical: 10, critical_recovery: 9, warning: 5, warning_recovery: 4 }),
      thresholds({ critical: 10, warning: 11 }, "avg(last_5m):sum:net.x{*} < 10"),
    ],
  },
  "service-check-thresholds": {
    refused: [
      [{ ...check, query: check.query.replace('.by("host")', "") }, `${bad("query")}: .by() is required`],
      [{ ...check, options: { thresholds: { ok: 1, critical: 5 } } }, `${bad("query")}: .last(4)`],
      [{ ...check, query: check.query.replace("4", "101") }, `${bad("query")}: .last(101)`],
      [{ ...check, options: { thresholds: { ok: 1, critical: 1.5 } } }, bad("thresholds")],
    ],
    accepted: [check, { ...check, query: check.query.replace("4", "100") }],
  },
  "composite-members": {
    refused: [
      [{ type: "composite", name: "n", query: "1 && 2" }, "Some monitor IDs are invalid"],
      [{ type: "composite", name: "n", query: "$id && !$composite" }, "Some monitor IDs are invalid"],
    ],
    accepted: [{ type: "composite", name: "n", query: "$id || !$id" }],
  },
  "tag-length": {
    refused: [[{ ...metric, tags: ["a".repeat(201)] }, bad("tags")]],
    accepted: [{ ...metric, tags: ["a".repeat(200)] }],
  },
  "missing-data-or-no-data": {
    refused: [
      [
        withOptions({ on_missing_data: "resolve", notify_no_data: true }),
        "Options on_missing_data and notify_no_data can not be used together",
      ],
      [
        withOptions({ on_missing_data: "resolve", no_data_timeframe: 20 }),
        "Options on_missing_data and no_data_timeframe can not be used together",
      ],
    ],
    accepted: [withOptions({ on_missing_data: "resolve", notify_no_data: false, no_data_timeframe: null })],
  },
  "missing-data-types": {
    refused: [
      [
        { ...check, options: { ...check.options, on_missing_data: "resolve" } },
        "on_missing_data is not supported for service check monitors",
      ],
    ],
    accepted: [withOptions({ on_missing_data: "resolve" }), check],
  },
  "missing-data-default-zero": {
    refused: [
      [
        withOptions({ on_missing_data: "resolve" }, { query: "avg(last_5m):default_zero(sum:net.x{*}) > 10" }),
        "Invalid on_missing_data value: resolve; valid value is: default",
      ],
    ],
    accepted: [withOptions({ on_missing_data: "default" }, { query: "avg(last_5m):default_zero(sum:net.x{*}) > 10" })],
  },
  "resolve-or-timeout": {
    refused: [
      [
        withOptions({ on_missing_data: "resolve", timeout_h: 2 }),
        "Options on_missing_data: resolve and timeout_h can not be used together",
      ],
    ],
    accepted: [
      withOptions({ on_missing_data: "resolve", timeout_h: 0 }),
      withOptions({ on_missing_data: "show_no_data", timeout_h: 2 }),
    ],
  },
  "event-missing-data": {
    refused: [[event, "on_missing_data is required for event-v2 alert monitors"]],
    accepted: [{ ...event, options: { on_missing_data: "default" } }],
  },
  "custom-schedule": {
    refused: [
      [
        withOptions({ scheduling_options: { custom_schedule: {} }, require_full_window: false }),
        "custom_schedule requires on_missing_data",
      ],
      [
        withOptions({ scheduling_options: { custom_schedule: {} }, on_missing_data: "default" }),
        "custom_schedule requires require_full_window: false",
      ],
    ],
    accepted: [
      withOptions({
        scheduling_options: { custom_schedule: { recurrences: [{ rrule: "FREQ=DAILY" }] } },
        on_missing_data: "default",
        require_full_window: false,
      }),
    ],
  },
  "evaluation-window": {
    refused: [
      [
        withOptions({ scheduling_options: { evaluation_window: { hour_starts: 0, day_starts: "04:00" } } }),
        "Options hour_starts and day_starts or month_starts can not be used together",
      ],
      [withOptions({ scheduling_options: { evaluation_window: { month_starts: 2 } } }), bad("month_starts")],
    ],
    accepted: [withOptions({ scheduling_options: { evaluation_window: { day_starts: "04:00", month_starts: 1 } } })],
  },
  "renotify-interval": {
    refused: [
      [withOptions({ renotify_occurrences: 2 }), "renotify_occurrences requires renotify_interval"],
      [
        withOptions({ renotify_interval: null, renotify_statuses: ["alert"] }),
        "renotify_statuses requires renotify_interval",
      ],
    ],
    accepted: [withOptions({ renotify_interval: 60, renotify_occurrences: 2, renotify_statuses: ["alert"] })],
  },
  "notify-by": {
    refused: [
      [withOptions({ notify_by: ["pod"] }), bad("notify_by")],
      [withOptions({ notify_by: ["host", "device"] }), bad("notify_by")],
      [withOptions({ notify_by: ["*"] }, { query: "avg(last_5m):sum:net.x{*} > 10" }), bad("notify_by")],
    ],
    accepted: [withOptions({ notify_by: ["host"] }), withOptions({ notify_by: ["*"] })],
  },
  "anomaly-windows": {
    refused: [
      [
        { ...anomaly, options: { ...anomaly.options, threshold_windows: { trigger_window: "last_5m" } } },
        bad("threshold_windows"),
      ],
      [
        {
          ...anomaly,
          query: anomaly.query.replace(">= 1", ">= 2"),
          options: { ...anomaly.options, thresholds: { critical: 2 } },
        },
        bad("thresholds"),
      ],
    ],
    accepted: [anomaly],
  },
};
