import { type Invalid, invalid, type Origin, originOf, type ParseOptions, parseTags } from "./parse-fields.ts";
import { parseGoInt } from "./parse-number.ts";

type Priority = "normal" | "low";
type AlertType = "info" | "success" | "warning" | "error";

export interface ParsedEvent extends Origin {
  readonly kind: "event";
  readonly title: string;
  readonly text: string;
  readonly priority: Priority;
  readonly alert_type: AlertType;
  readonly tags: readonly string[];
  /** Seconds since the epoch. */
  readonly timestamp?: number;
  readonly hostname?: string;
  readonly aggregation_key?: string;
  readonly source_type?: string;
}

const PRIORITIES: ReadonlyMap<string, Priority> = new Map([
  ["normal", "normal"],
  ["low", "low"],
]);
const ALERT_TYPES: ReadonlyMap<string, AlertType> = new Map([
  ["info", "info"],
  ["success", "success"],
  ["warning", "warning"],
  ["error", "error"],
]);

/** `_e{title bytes,text bytes}:title|text[|field]...`. Lengths are bytes, so this reads bytes. */
export function parseEvent(line: Buffer, options: ParseOptions): ParsedEvent | Invalid {
  const colon = line.indexOf(":");
  if (colon === -1) return invalid("no : in an event", line.toString("utf8"));
  // One character a byte, for the agent measures and cuts the header in bytes.
  const header = line.toString("latin1", 0, colon);
  const lengths = parseHeader(header);
  if (lengths === undefined) return invalid("bad lengths in an event", header);
  const content = line.subarray(colon + 1);
  // The agent does not look at the byte between title and text, and nor does this.
  const textStart = lengths.title + 1;
  const end = textStart + lengths.text;
  if (content.length < end) return invalid("an event shorter than its header says", line.toString("utf8"));
  const title = unescaped(content.subarray(0, lengths.title));
  const text = unescaped(content.subarray(textStart, end));
  return { kind: "event", title, text, ...parseOptionalFields(content.toString("utf8", end).split("|"), options) };
}

/** `_e{T,U}`: the agent takes any byte for the closing brace, and refuses an empty title. */
function parseHeader(header: string): { title: number; text: number } | undefined {
  if (header.length < "_e{1,1}".length) return undefined;
  const inner = header.slice("_e{".length, -1);
  const comma = inner.indexOf(",");
  if (comma === -1) return undefined;
  const title = parseGoInt(inner.slice(0, comma));
  const text = parseGoInt(inner.slice(comma + 1));
  return title === undefined || text === undefined || title < 1 || text < 0 ? undefined : { title, text };
}

function unescaped(bytes: Buffer): string {
  return bytes.toString("utf8").replaceAll("\\n", "\n");
}

type Optional = Omit<ParsedEvent, "kind" | "title" | "text">;

/** A bad optional field leaves what was known before; it never costs the event. */
function parseOptionalFields(fields: readonly string[], options: ParseOptions): Optional {
  const draft = newDraft();
  for (const field of fields) {
    if (field.startsWith("#")) draft.tags = parseTags(field.slice(1));
    else SETTERS[field.slice(0, 2)]?.(draft, field.slice(2));
  }
  return {
    priority: draft.priority,
    alert_type: draft.alertType,
    tags: draft.tags,
    ...(draft.timestamp !== 0 && { timestamp: draft.timestamp }),
    ...(draft.hostname !== "" && { hostname: draft.hostname }),
    ...(draft.aggregationKey !== "" && { aggregation_key: draft.aggregationKey }),
    ...(draft.sourceType !== "" && { source_type: draft.sourceType }),
    ...originOf(fields, options),
  };
}

interface Draft {
  priority: Priority;
  alertType: AlertType;
  tags: string[];
  timestamp: number;
  hostname: string;
  aggregationKey: string;
  sourceType: string;
}

function newDraft(): Draft {
  return {
    priority: "normal",
    alertType: "info",
    tags: [],
    timestamp: 0,
    hostname: "",
    aggregationKey: "",
    sourceType: "",
  };
}

const SETTERS: Readonly<Record<string, (draft: Draft, value: string) => void>> = {
  "d:": (draft, value) => {
    draft.timestamp = parseGoInt(value) ?? draft.timestamp;
  },
  "h:": (draft, value) => {
    draft.hostname = value;
  },
  "k:": (draft, value) => {
    draft.aggregationKey = value;
  },
  "p:": (draft, value) => {
    draft.priority = PRIORITIES.get(value) ?? draft.priority;
  },
  "s:": (draft, value) => {
    draft.sourceType = value;
  },
  "t:": (draft, value) => {
    draft.alertType = ALERT_TYPES.get(value) ?? draft.alertType;
  },
};
