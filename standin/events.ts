import { type Answer, ok, Refused } from "./answer.ts";
import { type Call, found, numberOf, objectOf, type Route } from "./call.ts";
import { isList, type Json, type JsonObject, omit, textAt } from "./json.ts";
import { enforce, type Rule } from "./rule.ts";

/** Events (research/monitors.md 4.6); the API key alone is enough to post one. */
export const eventRoutes: readonly Route[] = [
  { method: "POST", path: "/api/v1/events", apiKeyOnly: true, handle: post },
  { method: "GET", path: "/api/v1/events", handle: list },
  { method: "GET", path: "/api/v1/events/{id}", handle: get },
];

export interface Candidate {
  readonly body: JsonObject;
  /** Seconds since the epoch. */
  readonly now: number;
}

const alertTypes: ReadonlySet<string> = new Set([
  "error",
  "warning",
  "info",
  "success",
  "user_update",
  "recommendation",
  "snapshot",
]);

const texts = (value: Json): boolean => isList(value) && value.every((one) => typeof one === "string");

const types: Readonly<Record<string, (value: Json) => boolean>> = {
  title: (value) => typeof value === "string",
  text: (value) => typeof value === "string" && value.length <= 4000,
  aggregation_key: (value) => typeof value === "string" && value.length <= 100,
  alert_type: (value) => typeof value === "string" && alertTypes.has(value),
  priority: (value) => value === null || value === "normal" || value === "low",
  date_happened: (value) => Number.isInteger(value),
  host: (value) => typeof value === "string",
  tags: texts,
};

export const eventRules: readonly Rule<Candidate>[] = [
  {
    id: "event-required",
    why: "An event has a title and a text.",
    source: "4.6 [S]; text ours",
    refuses: ({ body }) => {
      const missing = ["title", "text"].find((key) => body[key] === undefined);
      return missing && `The parameter '${missing}' is required`;
    },
  },
  {
    id: "event-fields",
    why: "Text has at most 4000 characters, an aggregation key 100; alert type and priority are of the list.",
    source: "4.6 [S]; text ours",
    refuses: ({ body }) => {
      const wrong = Object.entries(body).find(([key, value]) => types[key]?.(value) === false)?.[0];
      return wrong && `The value provided for parameter '${wrong}' is invalid`;
    },
  },
  {
    id: "event-age",
    why: "An event is at most 18 hours old.",
    source: "4.6; recorded: Post-an-event-in-the-past",
    refuses: ({ body: { date_happened: at }, now }) =>
      typeof at === "number" && at < now - 18 * 3600 ? "Event too far in the past" : undefined,
  },
];

function post(call: Call): Answer {
  const body = objectOf(call);
  const now = Math.floor(call.world.clock.now() / 1000);
  enforce(eventRules, { body, now });
  const event = eventOf(call, body, now);
  call.org.kept.events.set(textAt(event, "id_str"), event);
  call.notify(event);
  return ok({ status: "ok", event: shown(event) }, 202);
}

/** What the recorded answer has, and `id_str`, for ids that are too large for a JSON number. */
function eventOf({ world }: Call, body: JsonObject, now: number): JsonObject {
  const id = world.nextId("event");
  return {
    handle: null,
    priority: null,
    related_event_id: null,
    tags: [],
    date_happened: now,
    ...body,
    id,
    id_str: String(id),
    url: `${world.appUrl}/event/event?id=${id}`,
  };
}

/** Without what a monitor's event keeps for its webhooks (trigger.ts). */
const shown = (event: JsonObject): JsonObject => omit(event, "alert");

function get(call: Call): Answer {
  const event = found(call, "events", call.path["id"] ?? "", "No event matches that event_id");
  return ok({ event: shown(event), status: "ok" });
}

function list({ org, query }: Call): Answer {
  if (!query.has("start") || !query.has("end")) throw new Refused(400, "The parameters 'start' and 'end' are required");
  const [start, end] = [numberOf(query, "start", 0), numberOf(query, "end", 0)];
  const within = (at: Json | undefined) => typeof at === "number" && at >= start && at <= end;
  const events = org.kept.events.values().filter((one) => within(one["date_happened"]));
  return ok({ events: events.map(shown), status: "ok" });
}
