/**
 * One request a connection, one line of JSON each way. The helper finds its targets by itself: a request names neither
 * network, container, address nor command; `pause` alone says more than its verb: until when, and why. No npm
 * package here: the privileged process is made of it.
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
  /** As the whole fleet is: an entry of its own beside what `overlaywatch pause` keeps. */
  pause: "heals nothing until then",
  resume: "ends that pause, and no other",
} as const;

export type Verb = keyof typeof verbs;

interface Asked {
  readonly v: 1;
  /** 32 hexadecimal digits, for the log. */
  readonly trace: string;
}

export interface PauseRequest extends Asked {
  readonly verb: "pause";
  /** Milliseconds since the epoch. */
  readonly until: number;
  readonly reason: string;
}

export type HelperRequest =
  | PauseRequest
  | (Asked & { readonly verb: "resume" })
  | (Asked & { readonly verb: Exclude<Verb, "pause" | "resume"> });

/** Milliseconds that one may last, and characters of its reason: who can pause for ever has switched off healing. */
export const [longestPause, longestReason] = [7 * 24 * 3_600_000, 200];
/** Milliseconds that a host's clock may be behind that of who pauses. */
const slowClock = 5 * 60_000;

/** Bytes, the newline included. */
export const [maxRequestBytes, maxAnswerBytes] = [4096, 1024 * 1024];

/** The same of an answer to `tables`: 8 MB that are packed, in Base64. */
export const [maxPackedBytes, maxTablesBytes] = [8 * 1024 * 1024, 12 * 1024 * 1024];
/** What is packed in it: some 100 000 rows have 20 MB. */
export const maxUnpackedBytes = 32 * 1024 * 1024;

/** Thrown for what is no request; its message is for who sent it. */
export class BadRequest extends Error {
  override readonly name = "BadRequest";
}

const fields: readonly string[] = ["v", "verb", "trace"];
const pauseFields: readonly string[] = [...fields, "until", "reason"];

/** `line` without its newline; `now`: milliseconds since the epoch. Throws `BadRequest`. */
export function parseRequest(line: string, now = Date.now()): HelperRequest {
  const value = objectIn(line);
  const known = value["verb"] === "pause" ? pauseFields : fields;
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new BadRequest(`a request has ${known.join(", ")}, and nothing else`);
  const { v, verb, trace } = value;
  if (v !== 1) throw new BadRequest("v: expected 1");
  if (typeof verb !== "string" || !isVerb(verb))
    throw new BadRequest(`verb: expected one of ${Object.keys(verbs).join(", ")}`);
  if (typeof trace !== "string" || !/^[0-9a-f]{32}$/u.test(trace))
    throw new BadRequest("trace: expected 32 hexadecimal digits");
  return verb === "pause" ? { v, verb, trace, ...pauseIn(value, now) } : { v, verb, trace };
}

function pauseIn({ until, reason }: Readonly<Record<string, unknown>>, now: number) {
  if (typeof until !== "number" || !Number.isSafeInteger(until))
    throw new BadRequest("until: expected milliseconds since the epoch");
  if (until <= now)
    throw new BadRequest(`until: over ${Math.round((now - until) / 1000)} s ago, by the clock of this host`);
  if (until > now + longestPause + slowClock) throw new BadRequest("until: 7 days from now at most");
  if (typeof reason !== "string" || !isReason(reason))
    throw new BadRequest(`reason: expected 1 to ${longestReason} printable characters`);
  return { until, reason };
}

/** For everybody who sets one: letters, digits, signs and spaces, on one line, and not only spaces. */
export const isReason = (text: string): boolean =>
  text.length <= longestReason && text.trim() !== "" && !/[\p{C}\p{Zl}\p{Zp}]/u.test(text);

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
