import type { Json, JsonObject } from "../desired.ts";
import { isList, isObject, stable, textAt } from "./json.ts";
import { without } from "./monitor-form.ts";

/** The fields of a dashboard that a definition can set. What else an answer has is read-only: id, url, author, times. */
const settable = [
  "title",
  "description",
  "layout_type",
  "reflow_type",
  "widgets",
  "tabs",
  "tags",
  "template_variables",
  "template_variable_presets",
  "notify_list",
  "restricted_roles",
  "is_read_only",
  "default_timeframe",
];

/** What the API answers for what was not sent; nulls are left out before. */
const defaults: JsonObject = {
  description: "",
  is_read_only: false,
  tabs: [],
  tags: [],
  template_variables: [],
  template_variable_presets: [],
  notify_list: [],
  restricted_roles: [],
};

/** Lists whose order means nothing: the API answers them in an order of its own, conditional formats even at random. */
const unordered = new Set([
  "tags",
  "notify_list",
  "restricted_roles",
  "template_variable_presets",
  "conditional_formats",
]);

/** A widget's or a tab's id is given by the API. */
const numbered = new Set(["widgets", "tabs"]);

export function canonicalDashboard(body: JsonObject): JsonObject {
  const kept = settable.flatMap((key): [string, Json][] => {
    const value = body[key];
    return value === undefined || value === null ? [] : [[key, canonicalMember(key, value)]];
  });
  return without(Object.fromEntries(kept), defaults);
}

function canonicalMember(key: string, value: Json): Json {
  if (key === "description" && typeof value === "string") return value.trim();
  if (isList(value)) {
    const items = value.map((one) => canonicalItem(one, numbered.has(key)));
    return unordered.has(key) ? items.toSorted(byText) : items;
  }
  return isObject(value) ? members(value, []) : value;
}

function canonicalItem(item: Json, isNumbered: boolean): Json {
  if (isObject(item)) return members(item, isNumbered ? ["id"] : []);
  return isList(item) ? item.map((one) => canonicalItem(one, false)) : item;
}

function members(object: JsonObject, omitted: readonly string[]): JsonObject {
  return Object.fromEntries(
    Object.entries(object)
      .filter(([key, value]) => value !== null && !omitted.includes(key))
      .map(([key, value]): [string, Json] => [key, canonicalMember(key, value)]),
  );
}

const byText = (a: Json, b: Json): number => {
  const [x, y] = [nameOf(a), nameOf(b)];
  if (x === y) return 0;
  return x < y ? -1 : 1;
};

const nameOf = (item: Json): string => `${textAt(item, "name") ?? ""} ${stable(item)}`;
