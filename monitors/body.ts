import { z } from "zod";

const minutes = z.int().min(0);
const seconds = z.int().min(0);

export const thresholdsSchema = z.strictObject({
  critical: z.number(),
  critical_recovery: z.number().optional(),
  warning: z.number().optional(),
  warning_recovery: z.number().optional(),
});

const statuses = z.enum(["alert", "warn", "no data"]);

const presets = [
  "show_all",
  "hide_query",
  "hide_handles",
  "hide_all",
  "hide_query_and_handles",
  "show_only_snapshot",
  "hide_handles_and_footer",
] as const;

/** The options of a monitor that may be written by hand; the API's names, and its units: minutes, seconds, hours. */
export const optionsSchema = z.strictObject({
  threshold_windows: z.strictObject({ trigger_window: z.string(), recovery_window: z.string() }).optional(),
  renotify_interval: minutes.optional(),
  renotify_occurrences: z.int().min(1).optional(),
  renotify_statuses: z.array(statuses).min(1).optional(),
  escalation_message: z.string().optional(),
  new_group_delay: seconds.optional(),
  new_host_delay: seconds.optional(),
  evaluation_delay: seconds.optional(),
  require_full_window: z.boolean().optional(),
  timeout_h: z.int().min(0).max(24).optional(),
  no_data_timeframe: minutes.optional(),
  notify_no_data: z.boolean().optional(),
  on_missing_data: z.enum(["default", "show_no_data", "show_and_notify_no_data", "resolve"]).optional(),
  group_retention_duration: z
    .string()
    .regex(/^\d+[mhd]$/u, { error: "expected a duration such as 60m, 1h or 2d" })
    .optional(),
  include_tags: z.boolean().optional(),
  notify_audit: z.boolean().optional(),
  notify_by: z.array(z.string().min(1)).min(1).optional(),
  notification_preset_name: z.enum(presets).optional(),
});

/** Kinds of monitor that can be written by hand here: of them the rules know the query's form. */
export const types = ["query alert", "metric alert", "service check", "event-v2 alert", "log alert"] as const;

/** A monitor's body for POST, as far as this program makes such. */
export const monitorBody = z.strictObject({
  name: z.string().min(1),
  type: z.enum(types),
  query: z.string().min(1),
  message: z.string().min(1),
  tags: z.array(z.string()),
  priority: z.int().min(1).max(5),
  options: optionsSchema.extend({
    // Of a service check: counts of its last states.
    thresholds: thresholdsSchema.extend({ ok: z.number().optional(), unknown: z.number().optional() }),
  }),
});

export type MonitorBody = z.output<typeof monitorBody>;

export const webhookBody = z.strictObject({
  name: z.string().regex(/^[\w-]+$/u, { error: "expected a name of letters, digits, _ and -" }),
  url: z.url({ protocol: /^https?$/u, error: "expected an http or https address" }),
  payload: z.string(),
  custom_headers: z.string(),
  encode_as: z.enum(["json", "form"]),
});

export const dashboardBody = z.looseObject({
  title: z.string().min(1),
  description: z.string(),
  layout_type: z.enum(["ordered", "free"]),
  widgets: z.array(z.looseObject({ definition: z.looseObject({ type: z.string() }) })).min(1),
});
