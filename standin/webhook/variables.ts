import { type JsonObject, objectAt, textAt, textsAt } from "../json.ts";
import type { Organisation } from "../organisation.ts";

/** Built-in variables that stand for JSON, so unquoted in a payload (4.5). */
const objects = ["INCIDENT_FIELDS", "LOGS_SAMPLE", "SYNTHETICS_SUMMARY", "SECURITY_SIGNAL_ATTRIBUTES"];

/** Others of the published list that no event of a stand-in fills: empty, as they are for events that people post. */
const empty = `
  AGGREG_KEY ALERT_CYCLE_KEY ALERT_ID ALERT_METRIC ALERT_PRIORITY ALERT_QUERY ALERT_SCOPE ALERT_STATUS ALERT_TITLE
  ALERT_TRANSITION ALERT_TYPE EMAIL EVENT_TYPE HOSTNAME INCIDENT_ATTACHMENTS INCIDENT_COMMANDER
  INCIDENT_CUSTOMER_IMPACT INCIDENT_INTEGRATIONS INCIDENT_MSG INCIDENT_PUBLIC_ID INCIDENT_SEVERITY INCIDENT_STATUS
  INCIDENT_TITLE INCIDENT_TODOS INCIDENT_URL INCIDENT_UUID LAST_UPDATED LINK METRIC_NAMESPACE PRIORITY
  SECURITY_RULE_NAME SECURITY_SIGNAL_ID SECURITY_SIGNAL_SEVERITY SECURITY_SIGNAL_TITLE SECURITY_SIGNAL_MSG
  SECURITY_RULE_ID SECURITY_RULE_MATCHED_QUERIES SECURITY_RULE_GROUP_BY_FIELDS SECURITY_RULE_TYPE SNAPSHOT
  SYNTHETICS_TEST_NAME SYNTHETICS_FIRST_FAILING_STEP_NAME TAGS TEXT_ONLY_MSG USER USERNAME
`
  .trim()
  .split(/\s+/u);

/** The value of every variable for an event of that organisation, by name without `$`. */
export function variablesOf(event: JsonObject, org: Organisation): Readonly<Record<string, string>> {
  const custom = org.kept.variables.values().map((one) => [textAt(one, "name"), textAt(one, "value")] as const);
  const tags = textsAt(event, "tags");
  return {
    ...Object.fromEntries(empty.map((name) => [name, ""])),
    ...Object.fromEntries(objects.map((name) => [name, "{}"])),
    ID: textAt(event, "id_str"),
    EVENT_TITLE: textAt(event, "title"),
    EVENT_MSG: textAt(event, "text"),
    TEXT_ONLY_MSG: textAt(event, "text"),
    DATE: String(Number(event["date_happened"]) * 1000),
    LAST_UPDATED: String(Number(event["date_happened"]) * 1000),
    PRIORITY: textAt(event, "priority") || "normal",
    AGGREG_KEY: textAt(event, "aggregation_key"),
    ORG_ID: String(org.id),
    ORG_NAME: org.name,
    TAGS: tags.join(","),
    ...Object.fromEntries(tags.map((tag) => [`TAGS[${tag.split(":")[0]}]`, tag.slice(tag.indexOf(":") + 1)] as const)),
    ...alertOf(event),
    ...Object.fromEntries(custom),
  };
}

/** What only a monitor's event knows. */
const alertOf = (event: JsonObject): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(objectAt(event, "alert")).map(([name, value]) => [name, typeof value === "string" ? value : ""]),
  );

/**
 * Puts values in the place of `$NAME` and `$TAGS[key]`; what is no variable stays as it is. Within a JSON payload texts
 * are escaped, which the default payload relies on: its `$EVENT_MSG` has quotes and newlines as a rule.
 */
export function substitute(template: string, values: Readonly<Record<string, string>>, asJson: boolean): string {
  return template.replaceAll(/\$(TAGS\[[^\]]*\]|[A-Z][A-Z0-9_]*)/gu, (whole, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : name.startsWith("TAGS[") ? "" : undefined;
    if (value === undefined) return whole;
    return asJson && !objects.includes(name) ? JSON.stringify(value).slice(1, -1) : value;
  });
}
