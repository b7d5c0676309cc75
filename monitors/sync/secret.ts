import type { Json } from "../desired.ts";
import type { Difference } from "./difference.ts";
import { isObject, parseJson } from "./json.ts";

/** A text of a webhook without what somebody may have written into it: values of headers, and of an address `user:password@` and the values of its query. */
export function withoutSecret(path: string, text: string): string {
  if (path === "url")
    return text.replace(/\/\/[^/@]*@/u, "//(hidden)@").replaceAll(/([?&][^=&#]*=)[^&#]+/gu, "$1(hidden)");
  if (path !== "custom_headers") return text;
  const headers = parseJson(text);
  if (!isObject(headers)) return "(hidden)";
  return JSON.stringify(Object.fromEntries(Object.keys(headers).map((name): [string, Json] => [name, "(hidden)"])));
}

/** What is in Datadog may hold a secret; what is defined has none: a rule sees to that. */
export const redacted = ({ path, actual, ...rest }: Difference): Difference => ({
  path,
  ...rest,
  ...(actual === undefined ? {} : { actual: typeof actual === "string" ? withoutSecret(path, actual) : actual }),
});
