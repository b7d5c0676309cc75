import type { Complaint, Rule } from "./rule.ts";

/** What looks like a secret, and what it is called. A variable (`$NAME`, `{{name}}`) is none. */
const secretForms: readonly (readonly [RegExp, string])[] = [
  // 40 digits in a link to a repository are a commit.
  [/(?<!\/(?:blob|commit|raw|tree)\/)\b[\da-f]{32}(?:[\da-f]{8})?\b/u, "a key of 32 or 40 hexadecimal digits"],
  [/\b(?:Bearer|Basic|Token)\s+(?=[\w+/=.-]*\d)[\w+/=.-]{12,}/iu, "a token behind Bearer, Basic or Token"],
  [/:\/\/[^\s/@:]+:(?!\$)[^\s/@]+@/u, "a password in an address"],
  [
    /\b(?:password|passwd|secret|api_?key|token)["']?\s*[:=]\s*["']?(?!\$|\{\{)(?=[^\s"',]*\d)[^\s"',]{6,}/iu,
    "a secret behind its name",
  ],
  [
    /\bxox[abprs]-[\w-]{10,}|\bgh[pousr]_\w{20,}|\bAKIA[A-Z\d]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY/u,
    "a known kind of key",
  ],
];

/** No text has a secret: whoever may read the organisation's monitors would read it. */
export const secrets: Rule = {
  tag: "secret",
  monitor: (body) => [
    ...complaints("name", body.name),
    ...complaints("message", body.message),
    ...complaints("query", body.query),
    ...complaints("options.escalation_message", body.options.escalation_message ?? ""),
    ...body.tags.flatMap((tag) => complaints("tags", tag)),
  ],
  webhook: (body) => [
    ...complaints("url", body.url),
    ...complaints("payload", body.payload),
    ...complaints("custom_headers", body.custom_headers),
  ],
  dashboard: (body) => complaints("widgets", JSON.stringify(body)),
};

/** The secret itself is not told. */
const complaints = (field: string, text: string): readonly Complaint[] =>
  secretForms
    .filter(([form]) => form.test(text))
    .map(([, what]) => ({
      field,
      message: `it has what looks like ${what}: use a custom variable of the webhooks integration, or a handle`,
    }));
