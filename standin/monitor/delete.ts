import { type Answer, ok, Refused } from "../answer.ts";
import type { Call } from "../call.ts";
import { type JsonObject, textAt, wordAt } from "../json.ts";
import type { Organisation } from "../organisation.ts";
import { idsIn } from "./query.ts";

/** Where a monitor is used, in the API's words: a composite that is made of it (4.1, pitfall 11). */
export function usesOf(monitor: JsonObject, org: Organisation): readonly string[] {
  const id = wordAt(monitor, "id");
  const composites = org.kept.monitors
    .values()
    .filter((one) => one["type"] === "composite" && idsIn(textAt(one, "query")).includes(id))
    .map((one) => `${wordAt(one, "id")},${textAt(one, "name")}`);
  return composites.length === 0
    ? []
    : [`monitor [${id},${textAt(monitor, "name")}] is referenced in composite monitors: [${composites.join("; ")}]`];
}

/** 200 where all can be deleted, 409 with the reasons where not (4.1). */
export function canDelete({ org, query }: Call): Answer {
  const ids = query.get("monitor_ids")?.split(",") ?? [];
  if (ids.length === 0 || ids.some((id) => !/^\d+$/u.test(id)))
    throw new Refused(400, "The value provided for parameter 'monitor_ids' is invalid");
  const judged = ids.map((id) => {
    const monitor = org.kept.monitors.get(id);
    if (monitor === undefined) throw new Refused(404, "Monitor not found");
    return { id, uses: usesOf(monitor, org) };
  });
  const used = judged.filter(({ uses }) => uses.length > 0);
  const free = judged.filter(({ uses }) => uses.length === 0).map(({ id }) => Number(id));
  if (used.length === 0) return ok({ data: { ok: free }, errors: null });
  return ok({ data: { ok: free }, errors: Object.fromEntries(used.map(({ id, uses }) => [id, uses])) }, 409);
}
