import { type JsonObject, objectAt, textAt, textsAt } from "../json.ts";
import type { PlainQuery } from "./plain-query.ts";
import type { Status, Thresholds } from "./status.ts";
import type { Renotify } from "./transitions.ts";

/** What a monitor's options say of its evaluation; times in milliseconds. */
export interface Policy {
  readonly thresholds: Thresholds;
  readonly delay: number;
  readonly newGroupDelay: number;
  readonly fullWindow: boolean;
  readonly renotify: Renotify;
  /** What a group is that has had no point in the window, after so much silence; undefined: what it was. */
  readonly missing: (silence: number) => Status | undefined;
  /** Whether that it is "No Data" is told. */
  readonly tellsNoData: boolean;
}

/** From the options of a monitor as the API takes them; what is left out is as the API has it. */
export function policyOf(options: JsonObject, query: PlainQuery): Policy {
  const number = (key: string, from = options): number | undefined => {
    const value = from[key];
    return typeof value === "number" ? value : undefined;
  };
  const own = objectAt(options, "thresholds");
  return {
    thresholds: {
      critical: number("critical", own) ?? query.threshold,
      criticalRecovery: number("critical_recovery", own),
      warning: number("warning", own),
      warningRecovery: number("warning_recovery", own),
    },
    delay: (number("evaluation_delay") ?? 0) * 1000,
    // new_group_delay, 0 as well, stands in the place of new_host_delay (4.3), which is of new hosts alone.
    newGroupDelay:
      (number("new_group_delay") ?? (query.by.includes("host") ? number("new_host_delay") : 0) ?? 0) * 1000,
    fullWindow: options["require_full_window"] === true,
    renotify: renotifyOf(options, number("renotify_interval"), number("renotify_occurrences")),
    missing: missingOf(options, query, number("no_data_timeframe")),
    tellsNoData: textAt(options, "on_missing_data") !== "show_no_data",
  };
}

const statuses: Readonly<Record<string, Status>> = { alert: "Alert", warn: "Warn", "no data": "No Data" };

/** Where statuses are not given, Alert and No Data (official schema, renotify_statuses). */
function renotifyOf(options: JsonObject, minutes: number | undefined, most = Infinity): Renotify {
  const given = textsAt(options, "renotify_statuses").flatMap((one) => statuses[one] ?? []);
  return {
    every: minutes === undefined || minutes === 0 ? undefined : minutes * 60_000,
    statuses: given.length > 0 ? given : ["Alert", "No Data"],
    most,
  };
}

/** Twice the window where no time frame is given (docs: Monitor API options). */
function missingOf(options: JsonObject, { window }: PlainQuery, minutes: number | undefined): Policy["missing"] {
  const policy = textAt(options, "on_missing_data");
  if (policy === "resolve") return () => "OK";
  if (policy.startsWith("show_")) return () => "No Data";
  if (options["notify_no_data"] !== true) return () => undefined;
  const frame = minutes === undefined ? 2 * window : minutes * 60_000;
  return (silence) => (silence >= frame ? "No Data" : undefined);
}
