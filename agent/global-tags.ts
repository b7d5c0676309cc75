import { resolveGlobalTags } from "../emit/dogstatsd/global-tags.ts";
import type { Config } from "./config/schema.ts";

/** The tags of every metric, for people: a bare tag has an empty value. */
export function globalTagsOf(
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    resolveGlobalTags(config.tags.global, env).map((tag) => {
      const colon = tag.indexOf(":");
      return colon === -1 ? [tag, ""] : [tag.slice(0, colon), tag.slice(colon + 1)];
    }),
  );
}
