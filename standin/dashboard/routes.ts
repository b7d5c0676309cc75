import { type Answer, ok } from "../answer.ts";
import { type Call, found, numberOf, objectOf, type Route } from "../call.ts";
import { type JsonObject, pick, textAt } from "../json.ts";
import { creatorOf } from "../organisation.ts";
import { enforce, normalise } from "../rule.ts";
import { dashboardNormalisations } from "./normal.ts";
import { dashboardRules } from "./rules.ts";

/** Dashboards (research/monitors.md 4.2): stored as they are sent, with ids, times and defaults added. */
export const dashboardRoutes: readonly Route[] = [
  { method: "GET", path: "/api/v1/dashboard", bucket: "dashboard_get", handle: list },
  { method: "POST", path: "/api/v1/dashboard", handle: create },
  { method: "GET", path: "/api/v1/dashboard/{id}", bucket: "dashboard_get", handle: get },
  { method: "PUT", path: "/api/v1/dashboard/{id}", handle: update },
  { method: "DELETE", path: "/api/v1/dashboard/{id}", handle: remove },
];

function dashboardOf(call: Call, at?: number): JsonObject {
  const id = call.path["id"] ?? "";
  return found(call, "dashboards", id, `Dashboard with ID ${id} not found`, at);
}

function create(call: Call): Answer {
  const { org, world } = call;
  const whole = kept(call);
  const [id, stamp] = [world.nextDashboardId(), world.stamp()];
  const { name, handle } = creatorOf(org);
  const author = { author_name: name ?? null, author_handle: handle ?? null };
  return store(call, { ...whole, id, ...author, created_at: stamp, modified_at: stamp });
}

/** A whole new one under the old id: what is not sent falls back to its default. */
function update(call: Call): Answer {
  const current = dashboardOf(call);
  const made = pick(current, new Set(["id", "author_name", "author_handle", "created_at"]));
  return store(call, { ...kept(call, current), ...made, modified_at: call.world.stamp() });
}

function kept(call: Call, current?: JsonObject): JsonObject {
  const body = objectOf(call);
  enforce(dashboardRules, { body, current });
  return normalise(dashboardNormalisations, { body, nextId: () => call.world.nextId("widget") }).body;
}

function store({ org }: Call, dashboard: JsonObject): Answer {
  const slug = textAt(dashboard, "title")
    .toLowerCase()
    .replaceAll(/[^\w -]/gu, "")
    .replaceAll(/[\s_]+/gu, "-")
    .slice(0, 80);
  const id = textAt(dashboard, "id");
  const whole = { ...dashboard, url: `/dashboard/${id}/${slug}` };
  org.kept.dashboards.set(id, whole);
  return ok(whole);
}

function get(call: Call): Answer {
  return ok(dashboardOf(call, call.at));
}

const summary: ReadonlySet<string> = new Set([
  "author_handle",
  "created_at",
  "description",
  "id",
  "is_read_only",
  "layout_type",
  "modified_at",
  "title",
  "url",
]);

/** Summaries only: neither widgets nor tags (recorded: Get-all-dashboards). */
function list({ org, query, at }: Call): Answer {
  const all = org.kept.dashboards.values(at).map((one) => pick(one, summary));
  const start = numberOf(query, "start", 0);
  return ok({ dashboards: all.slice(start, start + numberOf(query, "count", all.length)) });
}

function remove(call: Call): Answer {
  const id = textAt(dashboardOf(call), "id");
  call.org.kept.dashboards.set(id, undefined);
  return ok({ deleted_dashboard_id: id });
}
