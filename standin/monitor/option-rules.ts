import { isObject, type JsonObject, objectAt, textAt, textsAt } from "../json.ts";
import type { Rule } from "../rule.ts";
import { type Candidate, groupsOf, invalid } from "./candidate.ts";
import { isMetric } from "./query.ts";

const isSet = (options: JsonObject, key: string): boolean => (options[key] ?? null) !== null;
const conflict = (one: string, other: string): string => `Options ${one} and ${other} can not be used together`;

/** Options that do not go together, and options that need one other. */
export const optionRules: readonly Rule<Candidate>[] = [
  {
    id: "missing-data-or-no-data",
    why: "on_missing_data replaces notify_no_data and no_data_timeframe; false and null beside it are taken.",
    source: "4.3, pitfall 4; recorded beside false and null: Validate-an-existing-monitor; text ours",
    refuses: ({ options }) => {
      if (!isSet(options, "on_missing_data")) return undefined;
      if (options["notify_no_data"] === true) return conflict("on_missing_data", "notify_no_data");
      return isSet(options, "no_data_timeframe") ? conflict("on_missing_data", "no_data_timeframe") : undefined;
    },
  },
  {
    id: "missing-data-types",
    why: "Composites, service checks and SLO alerts know no on_missing_data.",
    source: "4.3; text ours",
    refuses: ({ type, options }) =>
      ["composite", "service check", "slo alert"].includes(type) && isSet(options, "on_missing_data")
        ? `on_missing_data is not supported for ${type} monitors`
        : undefined,
  },
  {
    id: "missing-data-default-zero",
    why: "A query that fills gaps with zeros can not miss data.",
    source: "4.1 known message, 2.1",
    refuses: ({ type, query, options }) => {
      const wanted = textAt(options, "on_missing_data");
      return isMetric(type) && query.includes("default_zero(") && !["", "default"].includes(wanted)
        ? `Invalid on_missing_data value: ${wanted}; valid value is: default`
        : undefined;
    },
  },
  {
    id: "resolve-or-timeout",
    why: "on_missing_data: resolve and timeout_h are two answers to one question.",
    source: "4.3, 2.1; text ours",
    refuses: ({ options }) =>
      options["on_missing_data"] === "resolve" && isSet(options, "timeout_h") && options["timeout_h"] !== 0
        ? conflict("on_missing_data: resolve", "timeout_h")
        : undefined,
  },
  {
    id: "event-missing-data",
    why: "An event alert says what missing events mean.",
    source: "2.1 [K]; text ours",
    refuses: ({ type, options }) =>
      type === "event-v2 alert" && !isSet(options, "on_missing_data")
        ? "on_missing_data is required for event-v2 alert monitors"
        : undefined,
  },
  {
    id: "custom-schedule",
    why: "A custom schedule needs on_missing_data and no full window.",
    source: "4.3, 2.3 (sync-cli repairs it in 2026; a recording of 2023-11 still got through); text ours",
    refuses: ({ options }) => {
      if (!isObject(objectAt(options, "scheduling_options")["custom_schedule"])) return undefined;
      if (!isSet(options, "on_missing_data")) return "custom_schedule requires on_missing_data";
      return options["require_full_window"] === false
        ? undefined
        : "custom_schedule requires require_full_window: false";
    },
  },
  {
    id: "evaluation-window",
    why: "A cumulative window starts at a minute of the hour, or at a time of the day and the first of the month.",
    source: "4.3 [S]; text ours",
    refuses: ({ options }) => {
      const window = objectAt(objectAt(options, "scheduling_options"), "evaluation_window");
      const daily = "day_starts" in window || "month_starts" in window;
      if ("hour_starts" in window && daily) return conflict("hour_starts", "day_starts or month_starts");
      return "month_starts" in window && window["month_starts"] !== 1 ? invalid("month_starts") : undefined;
    },
  },
  {
    id: "renotify-interval",
    why: "How often and for which states is told again only where it is told again at all.",
    source: "4.3 [S]; text ours",
    refuses: ({ options }) => {
      const key = ["renotify_occurrences", "renotify_statuses"].find((name) => isSet(options, name));
      const interval = options["renotify_interval"] ?? null;
      return key !== undefined && (interval === null || interval === 0)
        ? `${key} requires renotify_interval`
        : undefined;
    },
  },
  {
    id: "notify-by",
    why: 'Notifications are by some of the query\'s groups, or by none: ["*"].',
    source: "4.3, 2.3; text ours",
    refuses: (one) => {
      const by = textsAt(one.options, "notify_by");
      const groups = groupsOf(one);
      if (by.length === 0 || (by.length === 1 && by[0] === "*" && groups.length > 0)) return undefined;
      return by.every((key) => groups.includes(key)) && by.length < groups.length ? undefined : invalid("notify_by");
    },
  },
  {
    id: "anomaly-windows",
    why: "An anomaly's trigger window is the query's alert window, and its threshold a share from 0 to 1.",
    source: "4.3; text ours",
    refuses: ({ query, options, thresholds }) => {
      if (!/\banomalies\(/u.test(query)) return undefined;
      const trigger = textAt(objectAt(options, "threshold_windows"), "trigger_window");
      const alert = /alert_window='([^']+)'/u.exec(query)?.[1];
      if (alert !== undefined && trigger !== alert) return invalid("threshold_windows");
      const outside = Object.values(thresholds).some((one) => typeof one === "number" && (one < 0 || one > 1));
      return outside ? invalid("thresholds") : undefined;
    },
  },
];
