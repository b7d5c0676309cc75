import { type Answer, page, Refused, refusal } from "./answer.ts";
import type { Effect, Faults } from "./faults.ts";
import { type Json, type JsonObject, parseJson } from "./json.ts";
import type { Limits } from "./limits.ts";
import type { Organisation } from "./organisation.ts";
import { type Found, routeOf } from "./routing.ts";
import type { World } from "./world.ts";

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly apiKey: string | undefined;
  readonly appKey: string | undefined;
  readonly body: string;
}

/** How a request ends. */
export interface Ending {
  readonly answer: Answer;
  /** The connection is cut before the answer, or in its middle. */
  readonly cut?: "before" | "within";
  /** Milliseconds. */
  readonly delay?: number;
  /** Something may have been changed. */
  readonly wrote: boolean;
}

export interface Api {
  readonly world: World;
  readonly organisations: readonly Organisation[];
  readonly faults: Faults;
  /** Not there: nothing is limited. */
  readonly limits: Limits | undefined;
  readonly notify: (event: JsonObject, org: Organisation) => void;
}

/** Answers one request as Datadog's API would, or as what befalls it makes of that. */
export function serve(api: Api, request: Request): Ending {
  const { faults } = api;
  const effect = faults.draw(request.method, request.path);
  if (effect === undefined) return done(api, request);
  if (effect.kind === "instead") return { answer: effect.answer(faults.settings), wrote: false };
  if (effect.kind === "after") return { ...done(api, request), answer: effect.answer() };
  if (effect.kind === "slow") return { ...done(api, request), delay: faults.settings.slow };
  if (effect.kind === "stale") return done(api, request, asOf(api, effect));
  return effect.done ? { ...done(api, request), cut: "within" } : { answer: refusal(500), cut: "before", wrote: false };
}

const asOf = ({ world, faults }: Api, { age }: Extract<Effect, { kind: "stale" }>): number =>
  age === "all" ? -Infinity : world.clock.now() - faults.settings.lag;

function done(api: Api, request: Request, at = Infinity): Ending {
  try {
    return { answer: answered(api, request, at), wrote: request.method !== "GET" };
  } catch (error) {
    if (error instanceof Refused) return { answer: error.answer, wrote: false };
    throw error;
  }
}

function answered(api: Api, request: Request, at: number): Answer {
  // Who asks the application's host in place of the API's gets a page (TF #1413).
  if (!request.path.startsWith("/api/")) return page(200, "Datadog");
  const found = routeOf(request.method, request.path);
  const org = authorised(api, request, found);
  const { headers, refused } = api.limits?.take(org.id, found.route.bucket ?? "") ?? { headers: {} };
  const answer =
    refused ??
    found.route.handle({
      org,
      path: found.path,
      query: request.query,
      body: bodyOf(request.body),
      at,
      world: api.world,
      notify: (event) => api.notify(event, org),
    });
  return { ...answer, headers: { ...headers, ...answer.headers } };
}

/**
 * The organisation of the keys. Without an API key 403 and words as recorded (Validate-API-key-returns-Forbidden); a
 * wrong one 403, and a missing application key 401, from memory (research/monitors.md 4.1).
 */
function authorised({ organisations }: Api, { apiKey, appKey }: Request, { route }: Found): Organisation {
  if (apiKey === undefined || apiKey === "") throw new Refused(403, "API key required");
  const org = organisations.find((one) => one.apiKey === apiKey);
  if (org === undefined) throw new Refused(403, "Forbidden");
  if (route.apiKeyOnly === true) return org;
  if (appKey === undefined || appKey === "") throw new Refused(401, "Unauthorized");
  if (org.appKey !== appKey) throw new Refused(403, "Forbidden");
  return org;
}

function bodyOf(text: string): Json | undefined {
  if (text === "") return undefined;
  try {
    return parseJson(text);
  } catch {
    throw new Refused(400, "Invalid JSON");
  }
}
