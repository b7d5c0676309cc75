import type { Answer } from "./answer.ts";
import { Refused } from "./answer.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";
import type { Kind, Organisation } from "./organisation.ts";
import type { World } from "./world.ts";

/** One request that has passed the keys. */
export interface Call {
  readonly org: Organisation;
  /** What stands for `{...}` in the route's path. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Json | undefined;
  /** As of when reads are answered: Infinity is now, earlier is stale. Writes always see now. */
  readonly at: number;
  readonly world: World;
  /** Sends the webhooks that an event's text names. */
  readonly notify: (event: JsonObject) => void;
}

export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** `{name}` stands for one part of the path. */
  readonly path: string;
  /** Whose rate limit it counts in (limits.ts). */
  readonly bucket?: string;
  /** The application key is not asked for. */
  readonly apiKeyOnly?: true;
  readonly handle: (call: Call) => Answer;
}

/** The body, which has to be an object. Throws a 400. */
export function objectOf({ body }: Call): JsonObject {
  if (isObject(body)) return body;
  throw new Refused(400, body === undefined ? "The request has no body" : "Expected a JSON object");
}

/** The object that the path names. Throws a 404 with that text. */
export function found({ org }: Call, kind: Kind, key: string, missing: string, at = Infinity): JsonObject {
  const value = org.kept[kind].get(key, at);
  if (value === undefined) throw new Refused(404, missing);
  return value;
}

/** A whole number of the query that is not negative; the fallback where it is not there. Throws a 400. */
export function numberOf(query: URLSearchParams, name: string, fallback: number): number {
  const text = query.get(name);
  if (text === null) return fallback;
  if (!/^\d{1,15}$/u.test(text)) throw new Refused(400, `The value provided for parameter '${name}' is invalid`);
  return Number(text);
}
