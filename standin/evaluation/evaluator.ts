import { type Json, type JsonObject, objectAt, textAt, wordAt } from "../json.ts";
import type { Trigger } from "../trigger.ts";
import { type Group, groupsOf } from "./groups.ts";
import { type PlainQuery, plainQueryOf } from "./plain-query.ts";
import { type Policy, policyOf } from "./policy.ts";
import { type Status, statusOf } from "./status.ts";
import { kept, type Series, type Store } from "./store.ts";
import { tellingOf, type Told, untold } from "./transitions.ts";
import { aggregate, endOf, isFull, pointsOf } from "./window.ts";

/** A group that a monitor knows. */
interface Known {
  readonly status: Status;
  readonly value: number;
  /** When there was data last, in milliseconds. */
  readonly seen: number;
  readonly told: Told;
}

interface Watched {
  readonly query: string;
  /** Why it is not evaluated. */
  readonly reason: string | undefined;
  readonly groups: Map<string, Known>;
}

export interface Judged {
  /** In the order in which they are to be told. */
  readonly triggers: readonly Trigger[];
  /** The worst of all groups; undefined where nothing is known. */
  readonly overall: Status | undefined;
}

/** A group without data is forgotten after a day (docs: Group retention time). */
const retention = 24 * 3_600_000;
const worst: readonly Status[] = ["Alert", "Warn", "No Data", "OK"];

/** Judges monitors by the metrics in the store, and remembers each one's groups. */
export class Evaluator {
  readonly #watched = new Map<string, Watched>();
  readonly #store: Store;
  readonly #now: () => number;
  readonly #newCycle: () => string;

  constructor(store: Store, now: () => number, newCycle: () => string) {
    this.#store = store;
    this.#now = now;
    this.#newCycle = newCycle;
  }

  judge(monitor: JsonObject): Judged {
    const [id, text] = [wordAt(monitor, "id"), textAt(monitor, "query")];
    const found = plainQueryOf(textAt(monitor, "type"), text);
    const policy = typeof found === "string" ? undefined : policyOf(objectAt(monitor, "options"), found);
    const before = this.#watched.get(id);
    const groups = before?.query === text ? before.groups : new Map<string, Known>();
    const reason = reasonOf(found, policy);
    this.#watched.set(id, { query: text, groups, reason });
    if (reason !== undefined || policy === undefined || typeof found === "string")
      return { triggers: [], overall: undefined };
    const triggers = this.#judgeGroups(groups, found, policy);
    const statuses = new Set([...groups.values()].map(({ status }) => status));
    return { triggers, overall: worst.find((status) => statuses.has(status)) };
  }

  /** Forgets the monitors that are not among these. */
  keep(ids: ReadonlySet<string>): void {
    for (const id of this.#watched.keys()) if (!ids.has(id)) this.#watched.delete(id);
  }

  /** What `GET /standin/groups` answers. */
  shown(): Json {
    return [...this.#watched].map(([id, { query, reason, groups }]) => ({
      monitor_id: Number(id),
      query,
      not_evaluated: reason ?? null,
      groups: [...groups].map(([scope, { status, value, seen, told }]) => ({
        scope,
        status,
        value,
        last_data: seen / 1000,
        last_told: told.at === 0 ? null : { status: told.status, at: told.at / 1000, cycle: told.cycle },
      })),
    }));
  }

  #judgeGroups(known: Map<string, Known>, query: PlainQuery, policy: Policy): readonly Trigger[] {
    const now = this.#now();
    const found = groupsOf(this.#store.of(query.metric), query);
    const silent = [...known.keys()].filter((scope) => !found.some((group) => group.scope === scope));
    const all = [...found, ...silent.map((scope) => ({ scope, series: [] }))];
    return all.flatMap((group) => {
      const next = nextOf(group, known.get(group.scope), query, policy, now);
      if (next === undefined) return [];
      if (now - next.seen > retention) return known.delete(group.scope) ? [] : [];
      const isQuiet = next.status === "No Data" && !policy.tellsNoData;
      const telling = isQuiet ? undefined : tellingOf(next.told, next.status, now, policy.renotify, this.#newCycle);
      known.set(group.scope, { ...next, told: telling?.told ?? next.told });
      return telling === undefined ? [] : [triggerOf(group.scope, next, telling, policy)];
    });
  }
}

/** Why a monitor is not evaluated. */
function reasonOf(query: PlainQuery | string, policy: Policy | undefined): string | undefined {
  if (typeof query === "string") return query;
  return query.window + (policy?.delay ?? 0) > kept
    ? "the window, with its delay, reaches back further than the hour that is kept here"
    : undefined;
}

/** What the group is now; undefined where it is not known yet, and not judged either. */
function nextOf(
  { series }: Group,
  before: Known | undefined,
  query: PlainQuery,
  policy: Policy,
  now: number,
): Known | undefined {
  const end = endOf(now, policy.delay);
  const points = pointsOf(series, query, end);
  if (points.size === 0) return before && { ...before, status: policy.missing(now - before.seen) ?? before.status };
  if (before === undefined && now < bornOf(series) + policy.newGroupDelay) return undefined;
  // A window that is not full leaves everything as it is; a group that was never judged stays unknown.
  if (policy.fullWindow && !isFull(points, query, end)) return before && { ...before, seen: now };
  const { status, told } = before ?? { status: "OK", told: untold };
  const value = aggregate(query.time, [...points.values()]);
  return { status: statusOf(value, query.operator, policy.thresholds, status), value, seen: now, told };
}

const bornOf = (series: readonly Series[]): number => Math.min(...series.map(({ since }) => since));

function triggerOf(
  scope: string,
  { value }: Known,
  { transition, told }: NonNullable<ReturnType<typeof tellingOf>>,
  { thresholds }: Policy,
): Trigger {
  const tags = scope === "*" ? [] : scope.split(",").map((tag) => tag.split(/:(.*)/su));
  const named = Object.fromEntries(tags.map(([key = "", own = ""]) => [`${key}.name`, own]));
  return {
    host: named["host.name"] ?? "",
    transition,
    scope,
    cycle: told.cycle,
    values: { ...named, value: String(Number(value.toPrecision(6))), threshold: String(thresholds.critical) },
  };
}
