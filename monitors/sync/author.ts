import type { JsonObject, ObjectKind } from "../desired.ts";
import type { Api } from "./api.ts";
import { isList, member, textAt } from "./json.ts";
import { Refusal } from "./refusal.ts";

/** Who changed an object last, and when; each only where the API says it. */
export interface Author {
  readonly who?: string;
  /** ISO 8601. */
  readonly when?: string;
}

/**
 * An object tells when it was changed, and only Audit Trail tells who did it: an organisation may not have that, and keys may not
 * read it (`audit_logs_read`), which leaves `who` open and is no error.
 */
export async function authorOf(
  api: Api,
  kind: ObjectKind,
  id: string | undefined,
  body: JsonObject | undefined,
): Promise<Author> {
  const when = textAt(body, "modified") ?? textAt(body, "modified_at");
  const found = id === undefined || kind === "webhook" ? undefined : await audited(api, kind, id, body === undefined);
  return { ...(when === undefined ? {} : { when }), ...found };
}

async function audited(api: Api, kind: "monitor" | "dashboard", id: string, isGone: boolean): Promise<Author> {
  const name = kind === "monitor" ? "Monitor" : "Dashboard";
  const filter = `@evt.name:${name} @asset.id:${id} @action:${isGone ? "deleted" : "modified"}`;
  const query = new URLSearchParams({
    "filter[query]": filter,
    "filter[from]": "now-90d",
    sort: "-timestamp",
    "page[limit]": "1",
  });
  try {
    const path = `/api/v2/audit/events?${query.toString()}`;
    const answer = await api.ask({ method: "GET", path, what: `ask who changed the ${kind} ${id}` });
    const data = member(answer, "data");
    return authorIn(isList(data) ? member(data[0], "attributes") : undefined);
  } catch (error) {
    if (error instanceof Refusal && error.status !== undefined && error.status < 500) return {};
    throw error;
  }
}

function authorIn(event: ReturnType<typeof member>): Author {
  const user = member(member(event, "attributes"), "usr");
  const who = textAt(user, "email") ?? textAt(user, "name") ?? textAt(user, "id");
  const when = textAt(event, "timestamp");
  return { ...(who === undefined ? {} : { who }), ...(when === undefined ? {} : { when }) };
}
