import type { Json, JsonObject } from "../desired.ts";
import { isList, isObject, same } from "./json.ts";

/** One field in which an object and its definition differ. A side that is not there has no such field. */
export interface Difference {
  /** `options.thresholds.critical`, `widgets[2].definition.title`. */
  readonly path: string;
  /** As it is in Datadog. */
  readonly actual?: Json;
  /** As it is defined. */
  readonly desired?: Json;
}

/** Field by field, in the order of their names; both in canonical form. Empty where they are equal. */
export function differences(actual: JsonObject, desired: JsonObject): readonly Difference[] {
  return [...inObjects(actual, desired, "")];
}

function* inObjects(actual: JsonObject, desired: JsonObject, path: string): Generator<Difference> {
  const keys = [...new Set([...Object.keys(actual), ...Object.keys(desired)])].toSorted();
  for (const key of keys) yield* between(actual[key], desired[key], path === "" ? key : `${path}.${key}`);
}

function* between(actual: Json | undefined, desired: Json | undefined, path: string): Generator<Difference> {
  if (actual !== undefined && desired !== undefined) {
    if (!same(actual, desired)) yield* unequal(actual, desired, path);
  } else if (actual !== undefined) yield { path, actual };
  else if (desired !== undefined) yield { path, desired };
}

function* unequal(actual: Json, desired: Json, path: string): Generator<Difference> {
  if (isObject(actual) && isObject(desired)) yield* inObjects(actual, desired, path);
  else if (isList(actual) && isList(desired) && hasObjects(actual, desired)) yield* inLists(actual, desired, path);
  else yield { path, actual, desired };
}

/** Lists of tags, roles and such are told as a whole. */
const hasObjects = (...lists: readonly (readonly Json[])[]): boolean =>
  lists.some((list) => list.some((one) => isObject(one) || isList(one)));

function* inLists(actual: readonly Json[], desired: readonly Json[], path: string): Generator<Difference> {
  for (let i = 0; i < Math.max(actual.length, desired.length); i++)
    yield* between(actual[i], desired[i], `${path}[${i}]`);
}
