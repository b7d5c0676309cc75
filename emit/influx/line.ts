import type { Tags } from "../sample.ts";

/** A number is a float field, a bigint an integer one (`42i`), the rest as it is. */
export type FieldValue = number | bigint | boolean | string;

export interface Point {
  readonly measurement: string;
  readonly tags: Tags;
  /** In the order in which they are written. */
  readonly fields: readonly (readonly [string, FieldValue])[];
  /** Nanoseconds since the epoch. */
  readonly time: bigint;
}

/**
 * One point as one line of the InfluxDB line protocol, without the newline at its end and with none inside. Left out is
 * what the protocol can not carry: a float that is not finite, an integer beyond 64 bits, a tag or field without a name.
 * Undefined where nothing is left: no measurement, no field; and for a tag with an empty value, which servers refuse.
 */
export function encodeLine({ measurement, tags, fields, time }: Point): string | undefined {
  const name = escapeText("measurement", withoutTail(measurement));
  // A line that starts with # is a comment.
  if (name === "" || name.startsWith("#") || Object.values(tags).includes("")) return undefined;
  const written = fields.flatMap(([key, value]) => encodeField(key, value) ?? []);
  if (written.length === 0) return undefined;
  return `${name}${encodeTags(tags)} ${written.join(",")} ${time}`;
}

/** Where a text stands in the line. `tag` is for tag keys, tag values and field keys, `quoted` for a string field. */
type Place = "measurement" | "tag" | "quoted";

const special: Readonly<Record<Place, RegExp>> = {
  measurement: /[, \p{Cc}]/gu,
  tag: /[,= \p{Cc}]/gu,
  quoted: /["\\\t\n\r\f]/gu,
};

/** Control characters have no escape of their own in names: telegraf writes two letters in place of these. */
const control: Readonly<Record<string, string>> = { "\t": "\\t", "\n": "\\n", "\r": "\\r", "\f": "\\f" };

/** The text as it stands in the line; a string field with its quotes. Servers refuse other control characters in names. */
export function escapeText(place: Place, text: string): string {
  const escaped = text.replaceAll(special[place], (found) => control[found] ?? (isControl(found) ? "_" : `\\${found}`));
  return place === "quoted" ? `"${escaped}"` : escaped;
}

const isControl = (character: string): boolean => /\p{Cc}/u.test(character);

/** A backslash at the end would escape the separator behind it, and a backslash itself can not be escaped in a name. */
const withoutTail = (text: string): string => (text.endsWith("\\") ? text.replace(/\\+$/u, "") : text);

/** Sorted, as databases store them: they need not sort again. */
function encodeTags(tags: Tags): string {
  const written = new Map<string, string>();
  for (const key of Object.keys(tags).toSorted()) {
    const [name, value] = [key, tags[key] ?? ""].map((text) => escapeText("tag", withoutTail(text)));
    // Two keys that are one without their tails: a key that stands twice makes the line invalid.
    if (name && value && !written.has(name)) written.set(name, value);
  }
  return [...written].map(([name, value]) => `,${name}=${value}`).join("");
}

function encodeField(key: string, value: FieldValue): string | undefined {
  const name = escapeText("tag", withoutTail(key));
  const text = encodeValue(value);
  return name === "" || text === undefined ? undefined : `${name}=${text}`;
}

function encodeValue(value: FieldValue): string | undefined {
  if (typeof value === "string") return escapeText("quoted", value);
  if (typeof value === "bigint") return BigInt.asIntN(64, value) === value ? `${value}i` : undefined;
  return value === true || value === false || Number.isFinite(value) ? String(value) : undefined;
}
