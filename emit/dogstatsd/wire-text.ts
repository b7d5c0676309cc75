/**
 * Datadog's rules for names and tags, kept before hot-shots sees them: it lets long, empty and control characters
 * through, and nothing of what a container is called may end a field or a line of the protocol.
 */

const MAX_NAME = 200;
const MAX_TAG = 200;
const MAX_REMEMBERED = 20_000;

/** What ends a field, a tag or a line, what older servers read as a rate, and half of a surrogate pair. */
const HOSTILE = /[|,#@\p{Cc}\p{Cs}]/gu;

/** One tag as it is sent. */
export interface WireTag {
  readonly key: string;
  readonly text: string;
  readonly bytes: number;
}

/** A metric's name: a letter, then letters, digits, `_` and `.`, 200 at most. `undefined` where none is left, or too many. */
export function wireName(name: string): string | undefined {
  const clean = name.replaceAll(/[^a-zA-Z0-9_.]/g, "_").replace(/^[^a-zA-Z]+/, "");
  return clean === "" || clean.length > MAX_NAME ? undefined : clean;
}

/**
 * `key:value`, cut at 200 characters; `undefined` where key or value says nothing. The agent acts on tags called
 * `dd.internal.*`, so that a container's label must not make one.
 */
export function wireTag(key: string, value: string): WireTag | undefined {
  const cleanKey = key
    .trim()
    .replaceAll(HOSTILE, "_")
    .replaceAll(":", "_")
    .replace(/^dd\.internal\./i, "dd_internal_");
  const cleanValue = value.trim().replaceAll(HOSTILE, "_");
  if (cleanKey === "" || cleanValue === "") return undefined;
  const text = cutCharacters(`${cleanKey}:${cleanValue}`, MAX_TAG).replace(/:+$/, "");
  return { key: text.split(":", 1)[0] ?? text, text, bytes: Buffer.byteLength(text) };
}

/** A global tag, `key:value` or a word alone; `dd.internal.*` is for us to set, and passes. */
export function wireGlobalTag(tag: string): WireTag | undefined {
  const text = cutCharacters(tag.trim().replaceAll(HOSTILE, "_"), MAX_TAG).replace(/:+$/, "");
  const colon = text.indexOf(":");
  if (text === "" || colon === 0) return undefined;
  return { key: colon === -1 ? "" : text.slice(0, colon), text, bytes: Buffer.byteLength(text) };
}

/** The text of a service check, in one line and cut to a number of bytes; the agent unescapes nothing in it. */
export function wireMessage(text: string, maxBytes: number): string {
  const line = text
    .replaceAll(/[\p{Cc}\s]+/gu, " ")
    .replaceAll("|", "/")
    .replaceAll(/\p{Cs}/gu, "_")
    .trim();
  return cutBytes(line, maxBytes);
}

/**
 * The text of an event, its line feeds kept. hot-shots counts the header's lengths in UTF-16 units where the agent counts
 * bytes, so that only ASCII comes through whole; the agent makes line feeds of `\\n`, so that no backslash may be there.
 */
export function wireAscii(text: string): string {
  return text
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll("\\", "/")
    .replaceAll(/[^\n\x20-\x7e]+/gu, "?")
    .trim();
}

/** `wireTag` with a memory, for a host has the same few tags in each cycle. Forgets all when it is full. */
export function tagMemory(): typeof wireTag {
  const known = new Map<string, Map<string, WireTag>>();
  let size = 0;
  return (key, value) => {
    const found = known.get(key)?.get(value);
    if (found !== undefined) return found;
    const tag = wireTag(key, value);
    if (tag === undefined) return undefined;
    if (size >= MAX_REMEMBERED) {
      known.clear();
      size = 0;
    }
    const values = known.get(key) ?? new Map<string, WireTag>();
    known.set(key, values.set(value, tag));
    size += 1;
    return tag;
  };
}

function cutCharacters(text: string, max: number): string {
  return text.length <= max ? text : Array.from(text).slice(0, max).join("");
}

function cutBytes(text: string, max: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= max) return text;
  let end = Math.max(0, max);
  // Bytes 10xxxxxx continue a character in UTF-8.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString("utf8", 0, end);
}
