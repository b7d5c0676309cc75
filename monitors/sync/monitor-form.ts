import type { Json, JsonObject } from "../desired.ts";
import { isList, isObject, same, textsAt } from "./json.ts";

/** What the API answers for an option that was not sent, or takes as the same as none. Nulls are, too, but for those below. */
const optionDefaults: JsonObject = {
  notify_audit: false,
  include_tags: true,
  new_host_delay: 300,
  notify_no_data: false,
  groupby_simple_monitor: false,
  locked: false,
  enable_logs_sample: false,
  enable_samples: false,
  renotify_interval: 0,
  timeout_h: 0,
  escalation_message: "",
  notification_preset_name: "show_all",
  // Dropped from the answer for a metric monitor that sends it; where it stays it still means what none means.
  on_missing_data: "default",
  min_failure_duration: 0,
  min_location_failed: 1,
  thresholds: {},
  threshold_windows: {},
  scheduling_options: {},
  variables: [],
  notify_by: [],
  renotify_statuses: [],
  device_ids: [],
};

/** `null` for a delay means none at all, where its absence means 300 s. */
const nullCounts = new Set(["new_host_delay"]);

/** Mutes are a person's, of the moment, and never a definition's; the other is added by some organisations by themselves. */
const neverCompared = new Set(["silenced", "avalanche_window"]);

/** Whatever else an answer has is read-only, or grows with the API: assets, multi, overall_state, run_as... */
const topDefaults: JsonObject = {
  priority: null,
  restricted_roles: null,
  draft_status: "published",
  message: "",
};

export function canonicalMonitor(body: JsonObject): JsonObject {
  const { name, query, message, type, options } = body;
  const top = {
    name: trimmed(name),
    type: type === "metric alert" ? "query alert" : type,
    query: trimmed(query),
    message: trimmed(message),
    priority: body["priority"] === 0 ? null : body["priority"],
    restricted_roles: sortedOrNull(body["restricted_roles"]),
    draft_status: body["draft_status"],
  };
  return {
    ...without(top, topDefaults),
    tags: [...new Set(textsAt(body, "tags"))].toSorted(),
    options: canonicalOptions(isObject(options) ? options : {}),
  };
}

function canonicalOptions(options: JsonObject): JsonObject {
  const kept = Object.entries(options)
    .filter(([key, value]) => !neverCompared.has(key) && (value !== null || nullCounts.has(key)))
    .map(([key, value]): [string, Json] => [key, inner(value)]);
  return without(Object.fromEntries(kept), optionDefaults);
}

/** Texts are trimmed, and members that are null are left out, as the API does with thresholds. */
function inner(value: Json): Json {
  if (typeof value === "string") return value.trim();
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== null));
}

function sortedOrNull(roles: Json | undefined): Json {
  if (!isList(roles) || roles.length === 0) return null;
  return roles.map(String).toSorted();
}

const trimmed = (value: Json | undefined): Json | undefined => (typeof value === "string" ? value.trim() : value);

/** Without what is not there and what equals its default. */
export function without(object: Readonly<Record<string, Json | undefined>>, defaults: JsonObject): JsonObject {
  const kept: [string, Json][] = [];
  for (const [key, value] of Object.entries(object)) {
    if (value === undefined) continue;
    const usual = Object.hasOwn(defaults, key) ? defaults[key] : undefined;
    if (usual === undefined || !same(value, usual)) kept.push([key, value]);
  }
  return Object.fromEntries(kept);
}
