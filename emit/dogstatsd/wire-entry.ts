import type { EventDraft } from "../event.ts";
import type { Sample, Tags } from "../sample.ts";
import type { CheckStatus } from "./parse-check.ts";
import { tagMemory, wireAscii, wireGlobalTag, wireMessage, wireName, type WireTag } from "./wire-text.ts";

/** One message that may be sent as it is, with the size that it will have on the wire. */
export type WireEntry = WireMetric | WireCheck | WireEvent;

export interface WireMetric {
  readonly kind: "count" | "gauge";
  readonly name: string;
  readonly value: number;
  readonly tags: string[];
  /** Seconds since the epoch; `|T` on the wire (protocol 1.3, agent 7.40 and later). */
  readonly at?: number;
  readonly bytes: number;
}

interface WireCheck {
  readonly kind: "check";
  readonly name: string;
  readonly status: 0 | 1 | 2 | 3;
  readonly message: string;
  readonly tags: string[];
  readonly bytes: number;
}

export interface WireEvent {
  readonly kind: "event";
  readonly title: string;
  /** hot-shots would put the title in the place of an empty one. */
  readonly text: string;
  readonly alertType: EventDraft["alertType"];
  /** Empty for none. */
  readonly aggregationKey: string;
  readonly tags: string[];
  readonly bytes: number;
}

/** Why there is no entry: a key of `SinkStats.dropped`. */
type Refusal = "invalid_name" | "invalid_value" | "too_long";

export interface ServiceCheckDetails {
  readonly tags?: Tags;
  readonly message?: string;
}

export interface EntryMaker {
  /** The global tags as they are sent. */
  readonly globalTags: string[];
  readonly metric: (sample: Sample) => WireMetric | Refusal;
  readonly check: (name: string, status: CheckStatus, details: ServiceCheckDetails) => WireCheck | Refusal;
  readonly event: (event: EventDraft) => WireEvent | Refusal;
}

const STATUS_NUMBERS = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const;
const MESSAGE_FIELD = "|m:".length;
/** Datadog cuts what is longer. */
const [MAX_TITLE, MAX_TEXT, MAX_KEY] = [100, 4000, 100] as const;

/** @param maxBytes of a datagram: no single message may be longer, for hot-shots would send it all the same. */
export function entryMaker(prefix: string, globalTags: readonly string[], maxBytes: number): EntryMaker {
  const globals = globalTags.map(wireGlobalTag).filter((tag) => tag !== undefined);
  const tagged = tagger(globals);
  const names = nameMemory(prefix);
  return {
    globalTags: globals.map((tag) => tag.text),
    metric: ({ name, type, value, tags, at }) => {
      const wire = names(name);
      if (wire === undefined) return "invalid_name";
      if (!isValid(type, value, at)) return "invalid_value";
      const { texts, bytes: tagBytes } = tagged(tags);
      // Name and number are ASCII; ":" and "|c" or "|g" are three more.
      const bytes = wire.length + String(value).length + 3 + tagBytes + (at === undefined ? 0 : `|T${at}`.length);
      if (bytes > maxBytes) return "too_long";
      return { kind: type, name: wire, value, tags: texts, bytes, ...(at !== undefined && { at }) };
    },
    check: (name, status, { tags = {}, message = "" }) => {
      const wire = names(name);
      if (wire === undefined) return "invalid_name";
      const { texts, bytes: tagBytes } = tagged(tags);
      const bare = "_sc|".length + wire.length + "|0".length + tagBytes;
      if (bare > maxBytes) return "too_long";
      const text = wireMessage(message, maxBytes - bare - MESSAGE_FIELD);
      const bytes = bare + (text === "" ? 0 : MESSAGE_FIELD + Buffer.byteLength(text));
      return { kind: "check", name: wire, status: STATUS_NUMBERS[status], message: text, tags: texts, bytes };
    },
    event: (event) => eventOf(event, tagged(event.tags ?? {}), maxBytes),
  };
}

/** All of it is ASCII but the tags. */
function eventOf({ title, text, alertType, aggregationKey = "" }: EventDraft, tagged: Tagged, maxBytes: number) {
  const wireTitle = wireAscii(title).replaceAll(/\s+/g, " ").slice(0, MAX_TITLE);
  if (wireTitle === "") return "invalid_name";
  const key = wireAscii(aggregationKey)
    .replaceAll(/[|\s]+/g, "_")
    .slice(0, MAX_KEY);
  const keyField = key === "" ? 0 : `|k:${key}`.length;
  const bare = `_e{${wireTitle.length},${MAX_TEXT}}:${wireTitle}||t:${alertType}`.length + keyField + tagged.bytes;
  const room = Math.min(MAX_TEXT, maxBytes - bare);
  if (room < 1) return "too_long";
  const wireText = cutEscaped(wireAscii(text) || wireTitle, room);
  const bytes = bare + escapedLength(wireText);
  return {
    kind: "event",
    title: wireTitle,
    text: wireText,
    alertType,
    aggregationKey: key,
    tags: tagged.texts,
    bytes,
  } as const;
}

/** A line feed takes two bytes on the wire. */
const escapedLength = (text: string): number => text.length + text.split("\n").length - 1;

function cutEscaped(text: string, room: number): string {
  let cut = text.slice(0, room);
  while (escapedLength(cut) > room) cut = cut.slice(0, room - escapedLength(cut));
  return cut;
}

/** The agent refuses a time that is not a whole number from 1 on, and the sample with it. */
function isValid(type: Sample["type"], value: number, at: number | undefined): boolean {
  if (!Number.isFinite(value) || (type === "count" && value < 0)) return false;
  return at === undefined || (Number.isSafeInteger(at) && at > 0);
}

function nameMemory(prefix: string): (name: string) => string | undefined {
  const known = new Map<string, string | undefined>();
  return (name) => {
    if (!known.has(name)) known.set(name, wireName(prefix + name));
    return known.get(name);
  };
}

interface Tagged {
  readonly texts: string[];
  /** Of the whole field: bar, number sign, the global tags that are not replaced, and the commas. */
  readonly bytes: number;
}

/** hot-shots lets a sample's tag replace all global tags of its key; the sizes must follow that. */
function tagger(globals: readonly WireTag[]): (tags: Tags) => Tagged {
  const makeTag = tagMemory();
  const all = globals.reduce((sum, tag) => sum + tag.bytes + 1, 0);
  const globalKeys = new Set(globals.map((tag) => tag.key));
  const make = (tags: Tags): Tagged => {
    const texts: string[] = [];
    const replaced = new Set<string>();
    let bytes = all;
    for (const [key, value] of Object.entries(tags)) {
      const tag = makeTag(key, value);
      if (tag === undefined) continue;
      texts.push(tag.text);
      bytes += tag.bytes + 1;
      if (globalKeys.has(tag.key)) replaced.add(tag.key);
    }
    for (const global of globals) if (replaced.has(global.key)) bytes -= global.bytes + 1;
    return { texts, bytes: bytes === 0 ? 0 : bytes + 1 };
  };
  const known = new WeakMap<Tags, Tagged>();
  return (tags) => {
    const before = known.get(tags);
    if (before !== undefined) return before;
    const made = make(tags);
    known.set(tags, made);
    return made;
  };
}
