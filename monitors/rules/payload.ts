import { type Complaint, type Rule, when } from "./rule.ts";

/** Datadog's own variables that are put in as text. */
const textual: ReadonlySet<string> = new Set(
  `AGGREG_KEY ALERT_CYCLE_KEY ALERT_ID ALERT_METRIC ALERT_PRIORITY ALERT_QUERY ALERT_SCOPE ALERT_STATUS ALERT_TITLE
  ALERT_TRANSITION ALERT_TYPE DATE EMAIL EVENT_MSG EVENT_TITLE EVENT_TYPE HOSTNAME ID LAST_UPDATED LINK METRIC_NAMESPACE
  ORG_ID ORG_NAME PRIORITY SNAPSHOT TAGS TEXT_ONLY_MSG USER USERNAME`.split(/\s+/u),
);

/** The user's own: capitals, digits and underscores, with a prefix of this program so that neither hides the other. */
const own = /^OVERLAYWATCH_[A-Z\d_]+$/u;

const variable = /\$([A-Z][A-Z\d_]*)(?:\[[^\]]*\])?/gu;

/** What has broken payloads: quotes, backslashes, line ends, other alphabets, half a character, and a variable's own sign. */
export const hostile: readonly string[] = [
  'a "quoted" word',
  "back\\slash",
  "two\nlines\r\nand\ttab",
  '}, { "a": 1',
  "Ünïcode 漢字 \u{1F525}\u2028\u0000",
  "$& $1 $ALERT_ID",
  "",
];

/** The payload is JSON whatever values are put in, and each comes out as it went in. Headers as well. */
export const payload: Rule = {
  tag: "payload",
  webhook: (body) => [
    ...jsonComplaints("payload", body.payload),
    ...jsonComplaints("custom_headers", body.custom_headers),
  ],
};

function jsonComplaints(field: string, text: string): readonly Complaint[] {
  const names = [...text.matchAll(variable)].map(([, name = ""]) => name);
  return [
    ...names
      .filter((name) => !textual.has(name) && !own.test(name))
      .map((name) => ({ field, message: `$${name}: Datadog has no such variable` })),
    ...when(parsed(text) === undefined, field, `expected a JSON object: each variable within quotes; found ${text}`),
    ...hostile
      .filter((value) => !survives(text, value))
      .slice(0, 1)
      .map((value) => ({
        field,
        message: `it is no JSON any more, or another one, with ${JSON.stringify(value)} put in`,
      })),
  ];
}

/** Datadog escapes what it puts into JSON, so a value can only go wrong where the template does not have it within quotes. */
function survives(template: string, value: string): boolean {
  const escaped = JSON.stringify(value).slice(1, -1);
  const filled = parsed(template.replaceAll(variable, () => escaped));
  const before = parsed(template);
  if (filled === undefined || before === undefined) return false;
  return Object.entries(before).every(
    ([key, text]) => typeof text !== "string" || filled[key] === text.replaceAll(variable, () => value),
  );
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value))
      : undefined;
  } catch {
    return undefined;
  }
}
