import { type Answer, ok, Refused } from "../answer.ts";
import { type Call, found, numberOf, objectOf, type Route } from "../call.ts";
import { isList, isObject, type JsonObject, textAt, textsAt } from "../json.ts";
import { creatorOf } from "../organisation.ts";
import { enforce, normalise } from "../rule.ts";
import { candidateOf } from "./candidate.ts";
import { canDelete, usesOf } from "./delete.ts";
import { monitorNormalisations } from "./normal.ts";
import { duplicateOf, monitorRules } from "./rules.ts";
import { search } from "./search.ts";

/** What the API takes and answers about monitors (research/monitors.md 4.1). */
export const monitorRoutes: readonly Route[] = [
  { method: "GET", path: "/api/v1/monitor", bucket: "get_all_monitors", handle: list },
  { method: "POST", path: "/api/v1/monitor", bucket: "create_monitor", handle: create },
  { method: "GET", path: "/api/v1/monitor/can_delete", handle: canDelete },
  { method: "GET", path: "/api/v1/monitor/search", bucket: "search_monitors", handle: search },
  { method: "POST", path: "/api/v1/monitor/validate", handle: validate },
  { method: "GET", path: "/api/v1/monitor/{id}", bucket: "get_monitor", handle: get },
  { method: "PUT", path: "/api/v1/monitor/{id}", handle: update },
  { method: "DELETE", path: "/api/v1/monitor/{id}", handle: remove },
  { method: "POST", path: "/api/v1/monitor/{id}/validate", handle: validateExisting },
];

const monitorOf = (call: Call, at?: number): JsonObject =>
  found(call, "monitors", call.path["id"] ?? "", "Monitor not found", at);

function create(call: Call): Answer {
  const { org, world } = call;
  const whole = kept(call, objectOf(call));
  const twin = duplicateOf(whole, org);
  if (twin !== undefined) throw new Refused(400, twin);
  const [id, stamp] = [world.nextId("monitor"), world.stamp()];
  // `created_at` is in milliseconds, of whole seconds.
  const createdAt = Math.floor(world.clock.now() / 1000) * 1000;
  const made = { ...whole, id, org_id: org.id, created: stamp, created_at: createdAt, modified: stamp, deleted: null };
  return store(call, {
    ...made,
    overall_state: "No Data",
    overall_state_modified: null,
    creator: creatorOf(org),
  });
}

/** The top level merges, but options are replaced as a whole (4.2: Edit-a-monitor). */
function update(call: Call): Answer {
  const current = monitorOf(call);
  const whole = kept(call, { ...current, ...objectOf(call) }, current);
  return store(call, { ...current, ...whole, modified: call.world.stamp() });
}

function kept({ org }: Call, body: JsonObject, current?: JsonObject): JsonObject {
  enforce(monitorRules, candidateOf(body, org, current));
  return normalise(monitorNormalisations, { org, body }).body;
}

/** Only what POST and PUT answer has a restriction policy (4.2). */
function store({ org }: Call, monitor: JsonObject): Answer {
  const { id, assets } = monitor;
  const own = isList(assets) ? assets.filter(isObject).map((asset) => ({ monitor_id: id ?? null, ...asset })) : [];
  const whole = { ...monitor, assets: own };
  org.kept.monitors.set(Number(id), whole);
  return ok({ ...whole, restriction_policy: null });
}

function validate(call: Call): Answer {
  enforce(monitorRules, candidateOf(objectOf(call), call.org));
  return ok({});
}

function validateExisting(call: Call): Answer {
  const current = monitorOf(call);
  enforce(monitorRules, candidateOf(objectOf(call), call.org, current));
  return ok({});
}

function get(call: Call): Answer {
  checkGroupStates(call.query);
  const monitor = monitorOf(call, call.at);
  // Recorded: Get-a-monitor-s-details-with-downtime.
  return ok(call.query.get("with_downtimes") === "true" ? { ...monitor, matching_downtimes: [] } : monitor);
}

const groupStates: ReadonlySet<string> = new Set(["all", "alert", "warn", "no data", "ok"]);

/** Recorded: Get-all-monitor-details-returns-Bad-Request. */
function checkGroupStates(query: URLSearchParams): void {
  const wanted = query.get("group_states")?.split(",") ?? [];
  if (!wanted.every((state) => groupStates.has(state))) throw new Refused(400, "Invalid group_state filters.");
}

/** Without `page` all there are; with it pages of 100, at most 1000 (4.1). */
function list({ org, query, at }: Call): Answer {
  checkGroupStates(query);
  const after = numberOf(query, "id_offset", 0);
  const wantedTags = query.get("monitor_tags")?.split(",") ?? [];
  const name = query.get("name")?.toLowerCase() ?? "";
  const all = org.kept.monitors
    .values(at)
    .filter((one) => Number(one["id"]) > after && textAt(one, "name").toLowerCase().includes(name))
    .filter((one) => wantedTags.every((tag) => textsAt(one, "tags").includes(tag)));
  const answered = all.map((one) => ({ ...one, matching_downtimes: [] }));
  return ok(query.has("page") || query.has("page_size") ? paged(answered, query) : answered);
}

function paged(all: readonly JsonObject[], query: URLSearchParams): readonly JsonObject[] {
  const size = Math.min(numberOf(query, "page_size", 100), 1000);
  const start = numberOf(query, "page", 0) * size;
  return all.slice(start, start + size);
}

/** Refused where something is made of it, unless `force=true` (4.1). */
function remove(call: Call): Answer {
  const monitor = monitorOf(call);
  const uses = usesOf(monitor, call.org);
  if (uses.length > 0 && call.query.get("force") !== "true") throw new Refused(400, uses.join(" "));
  call.org.kept.monitors.set(Number(monitor["id"]), undefined);
  return ok({ deleted_monitor_id: monitor["id"] ?? null });
}
