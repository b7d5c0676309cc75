import { isList, isObject, type Json, type JsonObject, omit } from "../json.ts";
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

/** In this order. */
export const dashboardNormalisations: readonly Normalisation<Draft>[] = [
  {
    id: "read-only-dropped",
    why: "Ids, times, author and address are the API's own; what is sent of them is dropped.",
    source: "4.2 [S]; 2.2 (what terraform strips)",
    apply: (draft) => ({
      ...draft,
      body: omit(draft.body, "id", "author_handle", "author_name", "created_at", "modified_at", "url"),
    }),
  },
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
