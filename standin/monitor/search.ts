import { type Answer, ok, Refused } from "../answer.ts";
import { type Call, numberOf } from "../call.ts";
import { type JsonObject, objectAt, omit, textAt, textsAt, wordAt } from "../json.ts";
import { isMetric } from "./query.ts";

const statuses: ReadonlySet<string> = new Set(["alert", "ignored", "no data", "ok", "skipped", "unknown", "warn"]);

/** 30 a page where it is not said: who reads only the first misses monitors (pitfall 10). */
export function search({ org, query, at }: Call): Answer {
  const matches = termsOf(query.get("query") ?? "").map(matcherOf);
  const hits = org.kept.monitors.values(at).filter((one) => matches.every((match) => match(one)));
  const [page, size] = [numberOf(query, "page", 0), Math.max(1, numberOf(query, "per_page", 30))];
  return ok({
    counts: countsOf(hits),
    monitors: hits.slice(page * size, (page + 1) * size).map(resultOf),
    metadata: { page, page_count: Math.ceil(hits.length / size), per_page: size, total_count: hits.length },
  });
}

interface Term {
  readonly field: string;
  readonly value: string;
}

/** Words, and `field:value` or `field:"a value"`, with spaces between them; all have to hold. */
function termsOf(text: string): readonly Term[] {
  return [...text.matchAll(/(?:(\w+):)?(?:"([^"]*)"|(\S+))/gu)].map(([, field = "", quoted, bare = ""]) => ({
    field,
    value: (quoted ?? bare).toLowerCase(),
  }));
}

function matcherOf({ field, value }: Term): (one: JsonObject) => boolean {
  // Recorded: Monitors-search-returns-Bad-Request.
  if (field === "status" && !statuses.has(value))
    throw new Refused(400, `Query parsing error: '${value}' is not a valid monitor status`);
  const equals = (text: string) => text.toLowerCase() === value;
  const matchers: Readonly<Record<string, (one: JsonObject) => boolean>> = {
    status: (one) => equals(textAt(one, "overall_state")),
    tag: (one) => textsAt(one, "tags").some(equals),
    type: (one) => equals(textAt(one, "type")) || equals(classOf(one)),
    id: (one) => equals(wordAt(one, "id")),
    metric: (one) => metricsOf(one).some(equals),
    notification: (one) => handlesOf(one).some(equals),
  };
  // `managed-by:x` and other text with a colon is looked for in names, like a bare word.
  return matchers[field] ?? ((one) => textAt(one, "name").toLowerCase().includes(value));
}

const classOf = (one: JsonObject): string => {
  const type = textAt(one, "type");
  return isMetric(type) ? "metric" : type === "service check" ? "custom" : type.replace(/ alert$/u, "");
};

const metricsOf = (one: JsonObject): readonly string[] =>
  isMetric(textAt(one, "type"))
    ? [...textAt(one, "query").matchAll(/:([a-z][\w.]*)\{/giu)].map(([, name = ""]) => name)
    : [];

/** `@name` at the start of a word. */
const handlesOf = (one: JsonObject): readonly string[] => [
  ...new Set([...textAt(one, "message").matchAll(/(?<![\w.@-])@([\w.@-]*\w)/gu)].map(([, handle = ""]) => handle)),
];

function resultOf(one: JsonObject): JsonObject {
  return {
    id: one["id"] ?? null,
    org_id: one["org_id"] ?? null,
    name: textAt(one, "name"),
    type: textAt(one, "type"),
    query: textAt(one, "query"),
    tags: textsAt(one, "tags"),
    status: textAt(one, "overall_state"),
    classification: classOf(one),
    creator: omit(objectAt(one, "creator"), "email"),
    metrics: metricsOf(one),
    notifications: handlesOf(one).map((handle) => ({ handle, name: handle })),
    scopes: [],
    priority: one["priority"] ?? null,
    restricted_roles: [],
    muted_until_ts: null,
    last_triggered_ts: null,
    overall_state_modified: null,
  };
}

const count = (values: readonly string[]) =>
  [...new Set(values)].map((name) => ({ name, count: values.filter((one) => one === name).length }));

function countsOf(hits: readonly JsonObject[]): JsonObject {
  return {
    status: count(hits.map((one) => textAt(one, "overall_state"))),
    muted: hits.length === 0 ? [] : [{ name: false, count: hits.length }],
    tag: count(hits.flatMap((one) => textsAt(one, "tags"))),
    type: count(hits.map(classOf)),
  };
}
