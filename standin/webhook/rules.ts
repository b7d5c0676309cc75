import { isObject, type Json, type JsonObject, parseJson } from "../json.ts";
import type { Rule } from "../rule.ts";

/** A webhook or a custom variable as it would be kept, and whether its name is taken by another one. */
export interface Candidate {
  readonly body: JsonObject;
  readonly taken: boolean;
}

const text = (value: Json | undefined): boolean => typeof value === "string";
const textOrNull = (value: Json | undefined): boolean => value === undefined || value === null || text(value);

export const webhookRules: readonly Rule<Candidate>[] = [
  {
    id: "webhook-name",
    why: "A webhook has a name that can stand behind @webhook-: no spaces.",
    source: "4.5 [D], pitfall 17; words known",
    refuses: ({ body: { name } }) =>
      typeof name === "string" && /^[\w.-]+$/u.test(name) ? undefined : "Invalid webhook",
  },
  {
    id: "webhook-url",
    why: "A webhook has an address; variables may stand in it.",
    source: "4.5 [S]; words as of the name",
    refuses: ({ body: { url } }) =>
      typeof url === "string" && /^(?:https?:\/\/|\$[A-Z])/u.test(url) ? undefined : "Invalid webhook",
  },
  {
    id: "webhook-fields",
    why: "Payload and headers are JSON in a string, or null; the encoding is json or form.",
    source: "4.5 [S][C]; words as of the name",
    refuses: ({ body: { payload, custom_headers: headers, encode_as: encoding } }) => {
      const bad =
        !textOrNull(payload) || !textOrNull(headers) || !["json", "form", undefined].includes(asText(encoding));
      return bad ? "Invalid webhook" : undefined;
    },
  },
  {
    id: "webhook-headers",
    why: "Custom headers are a JSON object of texts.",
    source: "4.5 [S]; words as of the name",
    refuses: ({ body: { custom_headers: headers } }) =>
      typeof headers === "string" && headersOf(headers) === undefined ? "Invalid webhook" : undefined,
  },
  {
    id: "webhook-exists",
    why: "There is one webhook of a name.",
    source: "4.1 known message; the status is not known: 400, as the schema has no other",
    refuses: ({ taken }) => (taken ? "Webhook already exists" : undefined),
  },
];

export const variableRules: readonly Rule<Candidate>[] = [
  {
    id: "variable-name",
    why: "A custom variable's name has upper-case letters, digits and underscores only.",
    source: "4.5 [S]; text ours",
    refuses: ({ body: { name } }) =>
      typeof name === "string" && /^[A-Z0-9_]+$/u.test(name) ? undefined : "Invalid custom variable name",
  },
  {
    id: "variable-fields",
    why: "It has a value, and says whether that is a secret.",
    source: "4.5 [S]; text ours",
    refuses: ({ body: { value, is_secret: secret } }) =>
      text(value) && typeof secret === "boolean" ? undefined : "Invalid custom variable",
  },
  {
    id: "variable-exists",
    why: "There is one custom variable of a name.",
    source: "4.5, as of webhooks; text ours",
    refuses: ({ taken }) => (taken ? "Custom variable already exists" : undefined),
  },
];

const asText = (value: Json | undefined): string | undefined =>
  value === undefined ? undefined : typeof value === "string" ? value : "neither";

/** The headers of a webhook; undefined where the text is no JSON object of texts. */
export function headersOf(json: string): Readonly<Record<string, string>> | undefined {
  try {
    const value = parseJson(json);
    if (!isObject(value)) return undefined;
    const texts = Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string");
    return texts.length === Object.keys(value).length ? Object.fromEntries(texts) : undefined;
  } catch {
    return undefined;
  }
}
