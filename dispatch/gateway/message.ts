/** What `monitors/webhook.ts` lets Datadog send: exactly these, all of them texts. */
export const messageKeys = [
  "version",
  "monitor_id",
  "cycle",
  "transition",
  "event",
  "host",
  "scope",
  "tags",
  "title",
  "date",
  "org",
  "link",
] as const;

type MessageKey = (typeof messageKeys)[number];

export type Message = Readonly<Record<MessageKey, string>>;

const isKey = (text: string): text is MessageKey => messageKeys.some((key) => key === text);

const text = String.raw`"[^"\\\u0000-\u001f]*(?:\\.[^"\\\u0000-\u001f]*)*"`;
const space = String.raw`[\t\n\r ]*`;
const pair = `(${text})${space}:${space}(${text})`;
const object = new RegExp(`^${space}\\{${space}(?:${pair}${space},${space})*${pair}${space}\\}${space}$`, "u");
/** Begins with a quote, so that no run of blanks is looked at from each of its places. */
const pairs = new RegExp(pair, "gu");

/**
 * A flat object of texts in strict JSON with exactly the known keys, each once; undefined for all else. Not by
 * `JSON.parse`: of a key that is there twice it keeps the last and tells nothing, and it makes numbers of long ids.
 */
export function parseMessage(json: string): Message | undefined {
  if (!object.test(json)) return undefined;
  const found = new Map<MessageKey, string>();
  for (const [, key = "", value = ""] of json.matchAll(pairs))
    if (!put(found, unquoted(key), unquoted(value))) return undefined;
  return whole(found);
}

function put(found: Map<MessageKey, string>, key: string | undefined, value: string | undefined): boolean {
  if (key === undefined || value === undefined || !isKey(key) || found.has(key)) return false;
  found.set(key, value);
  return true;
}

/** Half of a character (`\ud800`) is no text, and no file or network would keep it. */
function unquoted(literal: string): string | undefined {
  try {
    const value: unknown = JSON.parse(literal);
    return typeof value === "string" && !/\p{Surrogate}/u.test(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function whole(found: ReadonlyMap<MessageKey, string>): Message | undefined {
  const get = (key: MessageKey): string => found.get(key) ?? "";
  if (found.size !== messageKeys.length) return undefined;
  return {
    version: get("version"),
    monitor_id: get("monitor_id"),
    cycle: get("cycle"),
    transition: get("transition"),
    event: get("event"),
    host: get("host"),
    scope: get("scope"),
    tags: get("tags"),
    title: get("title"),
    date: get("date"),
    org: get("org"),
    link: get("link"),
  };
}
