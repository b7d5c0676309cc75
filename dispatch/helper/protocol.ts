/**
 * One request a connection, one line of JSON each way. The helper finds its targets by itself: a request names neither
 * network, container, address nor command. No npm package here: the privileged process is made of it.
 */
export const verbs = {
  /** Whether a helper of this version is there. */
  hello: "says who it is",
  /** What `cleanup` without `--apply` finds. */
  look: "looks, and changes nothing",
  /** What `cleanup --apply` does where nobody watches: within all gates, limits and pauses. */
  heal: "heals what is active, and verifies it",
  /** What others need to judge this host: its overlays' tables, its endpoints, its way to other hosts. */
  tables: "tells this host's tables, and changes nothing",
} as const;

export type Verb = keyof typeof verbs;

export interface HelperRequest {
  readonly v: 1;
  readonly verb: Verb;
  /** 32 hexadecimal digits, for the log. */
  readonly trace: string;
}

/** Bytes, the newline included. */
export const [maxRequestBytes, maxAnswerBytes] = [4096, 1024 * 1024];

/** The same of an answer to `tables`: 8 MB that are packed, in Base64. */
export const [maxPackedBytes, maxTablesBytes] = [8 * 1024 * 1024, 12 * 1024 * 1024];

/** Thrown for what is no request; its message is for who sent it. */
export class BadRequest extends Error {
  override readonly name = "BadRequest";
}

const fields: readonly string[] = ["v", "verb", "trace"];

/** `line` without its newline. Throws `BadRequest`. */
export function parseRequest(line: string): HelperRequest {
  const value = objectIn(line);
  const unknown = Object.keys(value).find((key) => !fields.includes(key));
  if (unknown !== undefined) throw new BadRequest(`a request has ${fields.join(", ")}, and nothing else`);
  const { v, verb, trace } = value;
  if (v !== 1) throw new BadRequest("v: expected 1");
  if (typeof verb !== "string" || !isVerb(verb))
    throw new BadRequest(`verb: expected one of ${Object.keys(verbs).join(", ")}`);
  if (typeof trace !== "string" || !/^[0-9a-f]{32}$/u.test(trace))
    throw new BadRequest("trace: expected 32 hexadecimal digits");
  return { v, verb, trace };
}

const isVerb = (text: string): text is Verb => Object.hasOwn(verbs, text);

function objectIn(line: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new BadRequest("expected one line of JSON", { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new BadRequest("expected a JSON object");
  return Object.fromEntries(Object.entries(value));
}
