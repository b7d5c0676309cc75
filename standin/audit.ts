import { ok } from "./answer.ts";
import type { Call, Route } from "./call.ts";
import { type Json, textAt } from "./json.ts";
import { creatorOf } from "./organisation.ts";

/**
 * Who changed an object last, as Audit Trail's events say it (shape: the client's AuditLogsEvent; query: the documented
 * `@evt.name:Monitor @asset.id:N @action:modified`). A stand-in has one user, and does not remember deletions.
 */
export const auditRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/api/v2/audit/events",
    handle: (call) => ok({ data: eventsOf(call, call.query.get("filter[query]") ?? "") }),
  },
];

function eventsOf({ org }: Call, query: string): readonly Json[] {
  const [, name, id = "", action] = /@evt\.name:(\w+) @asset\.id:(\S+) @action:(\w+)/u.exec(query) ?? [];
  const object = (name === "Monitor" ? org.kept.monitors : org.kept.dashboards).get(id);
  if (object === undefined || name === undefined || action !== "modified") return [];
  const { email = null } = creatorOf(org);
  const timestamp = textAt(object, name === "Monitor" ? "modified" : "modified_at");
  return [{ type: "audit", attributes: { timestamp, attributes: { evt: { name }, asset: { id }, usr: { email } } } }];
}
