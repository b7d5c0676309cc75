import { createHash } from "node:crypto";
import { z } from "zod";
import type { Json, JsonObject } from "../desired.ts";

const json = z.json();

/** Undefined where the text is no JSON. */
export function parseJson(text: string): Json | undefined {
  try {
    return json.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !isList(value);

export const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);

/** Its own value only: a key of an answer may be called like a method of every object. */
export const member = (object: Json | undefined, key: string): Json | undefined =>
  isObject(object) && Object.hasOwn(object, key) ? object[key] : undefined;

export function textAt(object: Json | undefined, key: string): string | undefined {
  const value = member(object, key);
  return typeof value === "string" ? value : undefined;
}

export const textsAt = (object: Json | undefined, key: string): readonly string[] => {
  const value = member(object, key);
  return isList(value) ? value.filter((one) => typeof one === "string") : [];
};

/** One text for equal values, whatever the order of their keys. */
export function stable(value: Json): string {
  if (isList(value)) return `[${value.map(stable).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.keys(value)
    .toSorted()
    .map((key) => `${JSON.stringify(key)}:${stable(value[key] ?? null)}`);
  return `{${members.join(",")}}`;
}

export const same = (a: Json, b: Json): boolean => stable(a) === stable(b);

export const fingerprint = (value: Json): string => createHash("sha256").update(stable(value)).digest("hex");
