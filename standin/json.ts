/** A JSON value as the Datadog API takes and gives it. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json };

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);

/** The object at that key; an empty one where there is none. */
export function objectAt(body: JsonObject, key: string): JsonObject {
  const value = body[key];
  return isObject(value) ? value : {};
}

/** The text at that key; "" where there is none. */
export function textAt(body: JsonObject, key: string): string {
  const value = body[key];
  return typeof value === "string" ? value : "";
}

/** The number or text at that key, as text; "" where there is neither. */
export function wordAt(body: JsonObject, key: string): string {
  const value = body[key];
  return typeof value === "number" || typeof value === "string" ? String(value) : "";
}

/** The texts in the list at that key. */
export function textsAt(body: JsonObject, key: string): readonly string[] {
  const value = body[key];
  return isList(value) ? value.filter((one) => typeof one === "string") : [];
}

/** Only the named keys. */
export function pick(body: JsonObject, keys: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([key]) => keys.has(key)));
}

/** All but the named keys. */
export function omit(body: JsonObject, ...keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([key]) => !keys.includes(key)));
}

/** Throws SyntaxError where the text is no JSON. */
export function parseJson(text: string): Json {
  const value: unknown = JSON.parse(text);
  if (!isJson(value)) throw new SyntaxError("not JSON");
  return value;
}

// What JSON.parse gives is JSON all the way down.
const isJson = (value: unknown): value is Json =>
  value === null || ["boolean", "number", "string", "object"].includes(typeof value);

/** The same text for the same value, whatever the order of keys. */
export function canonical(value: Json): string {
  if (isList(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const fields = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join(",")}}`;
}
