import type { Environment } from "./transport.ts";

const UNIFIED = [
  ["DD_ENV", "env"],
  ["DD_SERVICE", "service"],
  ["DD_VERSION", "version"],
] as const;

/**
 * The tags of every sample: `DD_TAGS`, then `DD_ENV`, `DD_SERVICE` and `DD_VERSION`, then the configuration's own. A
 * later source replaces all tags of a key that an earlier one gave; within one source a key may stand twice.
 */
export function resolveGlobalTags(own: readonly string[], env: Environment): readonly string[] {
  const unified = UNIFIED.flatMap(([variable, key]) => {
    const value = env[variable]?.trim() ?? "";
    return value === "" ? [] : [`${key}:${value}`];
  });
  return [splitTags(env["DD_TAGS"] ?? ""), unified, own].reduce((known, next) => {
    const replaced = new Set(next.map(keyOf));
    return [...known.filter((tag) => !replaced.has(keyOf(tag))), ...next];
  });
}

/** As the agent and Datadog's tracers read `DD_TAGS`: a comma anywhere makes commas the separator, else blanks do it. */
function splitTags(text: string): string[] {
  return text
    .split(text.includes(",") ? "," : /\s+/)
    .map((tag) => tag.trim())
    .filter((tag) => tag !== "");
}

function keyOf(tag: string): string {
  const colon = tag.indexOf(":");
  return colon < 1 ? tag : tag.slice(0, colon);
}
