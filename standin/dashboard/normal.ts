import { isList, isObject, type Json, type JsonObject } from "../json.ts";
import type { Normalisation } from "../rule.ts";

export interface Draft {
  readonly body: JsonObject;
  readonly nextId: () => number;
}

const defaults: JsonObject = {
  description: null,
  template_variables: null,
  notify_list: null,
  is_read_only: false,
  restricted_roles: [],
};

/** In this order. What is sent of ids, times, author and address is overwritten (routes.ts). */
export const dashboardNormalisations: readonly Normalisation<Draft>[] = [
  {
    id: "defaults",
    why: "These are answered where they were not sent.",
    source: "4.2 [C], 337 writes",
    apply: (draft) => ({ ...draft, body: { ...defaults, ...draft.body } }),
  },
  {
    id: "widget-ids",
    why: "Every widget gets an id, also those within a group; one that was sent stays.",
    source: "4.2 [C], 2.1 (restore_widget_ids)",
    apply: (draft) => ({ ...draft, body: withIds(draft.body, draft.nextId) }),
  },
];

function withIds(holder: JsonObject, nextId: () => number): JsonObject {
  const { widgets } = holder;
  return isList(widgets) ? { ...holder, widgets: widgets.map((widget) => withId(widget, nextId)) } : holder;
}

function withId(widget: Json, nextId: () => number): Json {
  if (!isObject(widget)) return widget;
  const { definition } = widget;
  const inner = isObject(definition) ? { definition: withIds(definition, nextId) } : {};
  return { ...widget, ...inner, id: widget["id"] ?? nextId() };
}
