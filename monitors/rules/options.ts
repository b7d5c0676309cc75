import type { MonitorBody } from "../body.ts";
import { type Complaint, type Rule, when } from "./rule.ts";

type Options = MonitorBody["options"];

/** It is said what a group is when its data stop, and once. */
export const noData: Rule = {
  tag: "no-data",
  monitor: ({ type, options, query }) => {
    const { on_missing_data: policy, notify_no_data: notify, no_data_timeframe: frame, timeout_h: hours } = options;
    return [
      ...when(
        policy === undefined && notify === undefined,
        "options",
        "it does not say what a group is when its data stop: expected no_data: keep, ok or notify",
      ),
      ...when(
        policy !== undefined && (notify !== undefined || frame !== undefined),
        "options.on_missing_data",
        "it excludes notify_no_data and no_data_timeframe",
      ),
      ...when(
        policy !== undefined && type === "service check",
        "options.on_missing_data",
        "a service check takes notify_no_data only: no_data: keep or notify",
      ),
      ...when(policy === "resolve" && (hours ?? 0) > 0, "options.timeout_h", "on_missing_data: resolve excludes it"),
      ...when(
        policy !== undefined && policy !== "default" && query.includes("default_zero("),
        "options.on_missing_data",
        "with default_zero() no data are missing: expected no_data: keep",
      ),
      ...when(frame !== undefined && type === "log alert", "options.no_data_timeframe", "a log alert does not take it"),
    ];
  },
};

/** What the API refuses beside each other, or drops without a word. */
export const conflicts: Rule = {
  tag: "options",
  monitor: ({ type, query, options }, { groupBy }) => [
    ...renotifyComplaints(options),
    ...when(
      options.new_group_delay !== undefined && options.new_host_delay !== undefined,
      "options.new_host_delay",
      "new_group_delay overrides it: expected one of them",
    ),
    ...when(
      type === "service check" && !query.includes(".by("),
      "query",
      "a service check needs .by(...), or it can not be evaluated",
    ),
    ...notifyByComplaints(options, groupBy),
    ...windowComplaints(query, options),
    ...retentionComplaints(options),
  ],
};

const needRenotify = ["renotify_statuses", "renotify_occurrences", "escalation_message"] as const;

function renotifyComplaints(options: Options): readonly Complaint[] {
  if ((options.renotify_interval ?? 0) > 0) return [];
  return needRenotify.flatMap((name) =>
    when(options[name] !== undefined, `options.${name}`, "it needs renotify_interval"),
  );
}

function notifyByComplaints(
  { notify_by: tags }: Options,
  groupBy: ReadonlySet<string> | undefined,
): readonly Complaint[] {
  if (tags === undefined || groupBy === undefined) return [];
  const field = "options.notify_by";
  if (groupBy.size === 0) return [{ field, message: "the query is not grouped" }];
  if (tags.length === 1 && tags[0] === "*") return [];
  const strange = tags.filter((tag) => !groupBy.has(tag));
  return [
    ...when(strange.length > 0, field, `${strange.join(", ")}: the query is grouped by ${[...groupBy].join(", ")}`),
    ...when(strange.length === 0 && tags.length >= groupBy.size, field, "expected fewer tags than the query has"),
  ];
}

/** The window that is judged stands in an anomaly's query and in its options. */
function windowComplaints(query: string, { threshold_windows: windows }: Options): readonly Complaint[] {
  const [, inQuery] = /alert_window='([^']+)'/u.exec(query) ?? [];
  const anomaly = query.includes("anomalies(");
  const field = "options.threshold_windows";
  return [
    ...when(anomaly && windows === undefined, field, "an anomaly needs it"),
    ...when(!anomaly && windows !== undefined, field, "only an anomaly has it"),
    ...when(
      anomaly && windows !== undefined && windows.trigger_window !== inQuery,
      `${field}.trigger_window`,
      `${windows?.trigger_window ?? ""} is not the alert_window of the query, ${inQuery ?? "which has none"}`,
    ),
  ];
}

function retentionComplaints({ group_retention_duration: text }: Options): readonly Complaint[] {
  const [, amount, unit] = /^(\d+)([mhd])$/u.exec(text ?? "") ?? [];
  if (amount === undefined) return [];
  const minutes = Number(amount) * (unit === "d" ? 1440 : unit === "h" ? 60 : 1);
  return when(minutes < 60 || minutes > 4320, "options.group_retention_duration", "expected 60m to 72h");
}
