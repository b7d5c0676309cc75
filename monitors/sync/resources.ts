import type { JsonObject, ObjectKind } from "../desired.ts";
import { member } from "./json.ts";

/** How the API keeps a kind of object. */
interface Resource {
  /** POST to it makes one. */
  readonly collection: string;
  /** The field that names it to the API. */
  readonly id: string;
  /** The field that names it to people. */
  readonly title: string;
  /** A PUT leaves a field that it does not have as it was, at the top level: these put it back to what none means. */
  readonly resets: JsonObject;
  /** What a PUT can not change: the object is deleted and made again. */
  readonly fixed: readonly string[];
}

export const resources: Readonly<Record<ObjectKind, Resource>> = {
  webhook: {
    collection: "/api/v1/integration/webhooks/configuration/webhooks",
    id: "name",
    title: "name",
    resets: { payload: null, custom_headers: "", encode_as: "json" },
    fixed: [],
  },
  monitor: {
    collection: "/api/v1/monitor",
    id: "id",
    title: "name",
    resets: { message: "", priority: null, restricted_roles: null, draft_status: "published", tags: [], options: {} },
    fixed: ["type"],
  },
  dashboard: {
    collection: "/api/v1/dashboard",
    id: "id",
    title: "title",
    resets: {},
    fixed: ["layout_type"],
  },
};

export const kinds = ["webhook", "monitor", "dashboard"] as const satisfies readonly ObjectKind[];

export const pathOf = (kind: ObjectKind, id: string): string =>
  `${resources[kind].collection}/${encodeURIComponent(id)}`;

/** Undefined where an answer is not what it should be. */
export function idOf(kind: ObjectKind, body: JsonObject): string | undefined {
  const id = member(body, resources[kind].id);
  return typeof id === "string" || typeof id === "number" ? String(id) : undefined;
}

export function titleOf(kind: ObjectKind, body: JsonObject): string {
  const title = member(body, resources[kind].title);
  return typeof title === "string" ? title : "";
}
