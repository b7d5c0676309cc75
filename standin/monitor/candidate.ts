import { type JsonObject, objectAt, textAt } from "../json.ts";
import type { Organisation } from "../organisation.ts";
import { type BadQuery, parseQuery, type Query } from "./query.ts";

/** A monitor that a client wants to have. */
export interface Candidate {
  /** What it would be made of: of an update, with what is kept of the old one. */
  readonly body: JsonObject;
  readonly type: string;
  readonly query: string;
  readonly parsed: Query | BadQuery;
  readonly options: JsonObject;
  readonly thresholds: JsonObject;
  /** What stands there now, where one is updated. */
  readonly current: JsonObject | undefined;
  readonly org: Organisation;
}

export function candidateOf(body: JsonObject, org: Organisation, current?: JsonObject): Candidate {
  const [type, query, options] = [textAt(body, "type"), textAt(body, "query"), objectAt(body, "options")];
  return {
    body,
    type,
    query,
    parsed: parseQuery(type, query),
    options,
    thresholds: objectAt(options, "thresholds"),
    current,
    org,
  };
}

export const groupsOf = ({ parsed }: Pick<Candidate, "parsed">): readonly string[] =>
  "groups" in parsed ? parsed.groups : [];

/** Recorded for parameters of which the API does not say what is wrong with them. */
export const invalid = (name: string, reason = ""): string =>
  `The value provided for parameter '${name}' is invalid${reason}`;
