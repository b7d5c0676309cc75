import { isList, isObject, type Json, type JsonObject, objectAt, omit, pick, textAt } from "../json.ts";
import type { Normalisation } from "../rule.ts";
import { candidateOf, groupsOf } from "./candidate.ts";
import { optionFields, topFields } from "./fields.ts";
import type { Organisation } from "../organisation.ts";
import { isMetric } from "./query.ts";

/** A monitor on its way from what was sent to what is kept. */
export interface Draft {
  readonly org: Organisation;
  readonly body: JsonObject;
}

type Change = (body: JsonObject) => JsonObject;
const body =
  (change: Change) =>
  (draft: Draft): Draft => ({ ...draft, body: change(draft.body) });
/** Changes the options; they are never missing. */
const options = (change: (options: JsonObject, whole: JsonObject) => JsonObject) =>
  body((whole) => ({ ...whole, options: change(objectAt(whole, "options"), whole) }));
/** What is answered where nothing was sent. */
const fallback = (from: JsonObject, key: string, value: Json): JsonObject =>
  from[key] === undefined ? { ...from, [key]: value } : from;

const grouped = /^(?:log|rum|ci-pipelines|ci-tests|error-tracking|llm-observability) alert$/u;
const trimmed = (from: JsonObject, ...keys: readonly string[]): JsonObject =>
  Object.fromEntries(
    Object.entries(from).map(([k, v]) => [k, keys.includes(k) && typeof v === "string" ? v.trim() : v]),
  );

/** In this order. */
export const monitorNormalisations: readonly Normalisation<Draft>[] = [
  {
    id: "unknown-dropped",
    why: "Fields that a client can not set, unknown ones (`classification`) and read-only ones (`id`), are dropped in silence.",
    source: "4.2 [C]; pitfall 6",
    apply: body((whole) => pick(whole, new Set(Object.keys(topFields)))),
  },
  {
    id: "unknown-options-dropped",
    why: "So are options, such as the period and timeAggregator of the user interface's export.",
    source: "pitfall 6",
    apply: options((from) => pick(from, new Set(Object.keys(optionFields)))),
  },
  {
    id: "trimmed",
    why: "White space around name, message, query and escalation message goes.",
    source: "4.2 [C]; pitfall 2",
    apply: (draft) => {
      const outer = body((whole) => trimmed(whole, "name", "message", "query"))(draft);
      return options((from) => trimmed(from, "escalation_message"))(outer);
    },
  },
  {
    id: "name-message-tags",
    why: "A monitor without a name is called by its query; without message and tags it has empty ones.",
    source: "4.2 [C]; name: recorded in Monitors-search (composite 22983330)",
    apply: body((whole) =>
      fallback(fallback(fallback(whole, "name", textAt(whole, "query")), "message", ""), "tags", []),
    ),
  },
  {
    id: "priority",
    why: "0 is no priority.",
    source: "4.2 [C]",
    apply: body((whole) => ({ ...whole, priority: whole["priority"] || null })),
  },
  {
    id: "type-flips",
    why: "A query alert with a formula or variables is kept as metric alert; a metric alert over the current month as query alert.",
    source: "4.2 [C]; pitfall 1",
    apply: body((whole) => ({ ...whole, type: flipped(whole) })),
  },
  {
    id: "empty-thresholds",
    why: "Thresholds without any, and thresholds that are null, are dropped.",
    source: "4.2 [C]: {} and warning: null; the other nulls by likeness",
    apply: options((from) => {
      if (!isObject(from["thresholds"])) return from;
      const set = Object.entries(from["thresholds"]).filter(([, value]) => value !== null);
      return set.length === 0 ? omit(from, "thresholds") : { ...from, thresholds: Object.fromEntries(set) };
    }),
  },
  {
    id: "missing-data-default",
    why: "on_missing_data: default is dropped from metric monitors.",
    source: "4.2 [C]",
    apply: options((from, whole) =>
      isMetric(textAt(whole, "type")) && from["on_missing_data"] === "default" ? omit(from, "on_missing_data") : from,
    ),
  },
  {
    id: "always-options",
    why: "These are answered where they were not sent; an explicit null stays.",
    source: "4.2 [C]: silenced 119 of 119, notify_audit 68, include_tags 14, new_host_delay 17",
    apply: options((from) => ({ silenced: {}, notify_audit: false, include_tags: true, new_host_delay: 300, ...from })),
  },
  {
    id: "notify-no-data",
    why: "notify_no_data is false unless on_missing_data or a custom schedule stands in its place.",
    source: "4.2 [C]: 16 of 16",
    apply: options((from) =>
      from["on_missing_data"] !== undefined || objectAt(from, "scheduling_options")["custom_schedule"] !== undefined
        ? from
        : fallback(from, "notify_no_data", false),
    ),
  },
  {
    id: "groupby-simple-monitor",
    why: "Only monitors of logs, RUM, CI, errors and LLMs say that they are no simple ones.",
    source: "4.2 [C]",
    apply: options((from, whole) =>
      grouped.test(textAt(whole, "type")) ? fallback(from, "groupby_simple_monitor", false) : from,
    ),
  },
  {
    id: "restricted-roles-draft",
    why: "Nobody is kept out, and what is not a draft is published.",
    source: "4.2 [C], since 2025-05; pitfall 5",
    apply: body((whole) => fallback(fallback(whole, "restricted_roles", null), "draft_status", "published")),
  },
  {
    id: "assets",
    why: "A monitor has a list of assets; each gets what the API knows of it (its monitor_id when it has one).",
    source: "4.2 [C], since 2025-11; recorded: Create-a-monitor-with-assets",
    apply: body((whole) => {
      const { assets } = whole;
      const given = isList(assets) ? assets.filter(isObject) : [];
      return { ...whole, assets: given.map((asset) => ({ template_variables: {}, options: {}, ...asset })) };
    }),
  },
  {
    id: "multi",
    why: "Derived: whether the query groups; what is sent is ignored.",
    source: "4.2 [C]",
    apply: ({ org, body: whole }) => ({
      org,
      body: { ...whole, multi: groupsOf(candidateOf(whole, org)).length > 0 },
    }),
  },
  {
    id: "extras",
    why: "Some organisations' monitors have undocumented fields.",
    source: "4.2 [C]: run_as, restricted, avalanche_window (10 of 20)",
    apply: (draft) =>
      draft.org.extras
        ? options((from) => fallback(from, "avalanche_window", 20))({
            ...draft,
            body: { ...draft.body, restricted: false, run_as: null },
          })
        : draft,
  },
];

function flipped(whole: JsonObject): Json {
  const [type, query] = [textAt(whole, "type"), textAt(whole, "query")];
  const variables = objectAt(whole, "options")["variables"];
  if (type === "query alert" && (/\bformula\(/u.test(query) || variables !== undefined)) return "metric alert";
  return type === "metric alert" && /\bcurrent_1mo\b/u.test(query) ? "query alert" : type;
}
