import { isList, isObject, type Json, type JsonObject, textAt } from "../json.ts";
import type { Rule } from "../rule.ts";

/** A dashboard that a client wants to have, and what stands there now. */
export interface Candidate {
  readonly body: JsonObject;
  readonly current: JsonObject | undefined;
}

type Check = (value: Json) => boolean;
const text: Check = (value) => typeof value === "string";
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const objects: Check = (value) => isList(value) && value.every(isObject);
const texts: Check = (value) => isList(value) && value.every(text);

const fields: Readonly<Record<string, Check>> = {
  title: text,
  widgets: objects,
  layout_type: (value) => value === "ordered" || value === "free",
  reflow_type: (value) => value === "auto" || value === "fixed",
  description: orNull(text),
  is_read_only: (value) => typeof value === "boolean",
  notify_list: orNull(texts),
  restricted_roles: texts,
  tabs: orNull((value) => objects(value) && isList(value) && value.length <= 100),
  tags: orNull((value) => texts(value) && isList(value) && value.length <= 5),
  template_variables: orNull((value) => objects(value) && isList(value) && value.every(isNamed)),
  template_variable_presets: orNull(objects),
};

const isNamed = (value: Json): boolean => isObject(value) && typeof value["name"] === "string";

/** Tried in this order. */
export const dashboardRules: readonly Rule<Candidate>[] = [
  {
    id: "required",
    why: "A dashboard has a title, a layout type and widgets, in every write: an update replaces all of it.",
    source: "4.2 [S]; recorded: Update-a-dashboard; words as of template_variables",
    refuses: ({ body }) => {
      const missing = ["title", "layout_type", "widgets"].find((key) => body[key] === undefined);
      return missing && `'${missing}' is a required property`;
    },
  },
  {
    id: "field-types",
    why: "Each field is of the schema's type and within its limits: 5 tags, 100 tabs.",
    source: "4.1 known message: 'template_variables' is invalid; 4.2 [S]",
    refuses: ({ body }) => {
      const wrong = Object.entries(body).find(([key, value]) => fields[key]?.(value) === false)?.[0];
      return wrong && `'${wrong}' is invalid`;
    },
  },
  {
    id: "team-tags",
    why: "Tags are of the form team:name.",
    source: "4.1; recorded: Create-a-new-dashboard-with-invalid-team-tags",
    refuses: ({ body }) =>
      listAt(body, "tags").some((tag) => typeof tag !== "string" || !/^team:./u.test(tag))
        ? "Invalid tag format. Valid tag keys are: team."
        : undefined,
  },
  {
    id: "layout-immutable",
    why: "The layout type stays.",
    source: "4.2 [K]; text ours",
    refuses: ({ body, current }) =>
      current !== undefined && textAt(current, "layout_type") !== textAt(body, "layout_type")
        ? "'layout_type' can not be changed"
        : undefined,
  },
  {
    id: "reflow",
    why: "reflow_type goes with ordered dashboards only.",
    source: "4.2; text ours",
    refuses: ({ body }) =>
      body["reflow_type"] !== undefined && body["layout_type"] !== "ordered"
        ? "'reflow_type' requires layout_type: ordered"
        : undefined,
  },
  {
    id: "widget-layouts",
    why: "Free and fixed dashboards need a layout for each widget; auto forbids it.",
    source: "4.2 [S]; text ours",
    refuses: ({ body }) => {
      const placed = widgetsOf(body).map((widget) => isObject(widget["layout"]));
      const needed = body["layout_type"] === "free" || body["reflow_type"] === "fixed";
      if (needed && placed.includes(false)) return "'layout' is a required property of each widget";
      return body["reflow_type"] === "auto" && placed.includes(true) ? "'layout' is not allowed" : undefined;
    },
  },
  {
    id: "widget-definitions",
    why: "Each widget has a definition with a type; a group holds widgets of its own.",
    source: "4.2 [S]; text ours",
    refuses: ({ body }) => {
      const at = widgetsOf(body).findIndex((widget) => !isWidget(widget));
      return at < 0 ? undefined : `Invalid widget definition at position ${at}`;
    },
  },
];

const listAt = (body: JsonObject, key: string): readonly Json[] => {
  const value = body[key];
  return isList(value) ? value : [];
};

const widgetsOf = (body: JsonObject): readonly JsonObject[] => listAt(body, "widgets").filter(isObject);

function isWidget({ definition }: JsonObject): boolean {
  if (!isObject(definition) || textAt(definition, "type") === "") return false;
  if (definition["type"] !== "group") return true;
  return isList(definition["widgets"]) && widgetsOf(definition).every(isWidget);
}
