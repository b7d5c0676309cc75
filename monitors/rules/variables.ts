import { type Complaint, type Rule, type Surroundings } from "./rule.ts";

/** What every message may name, and the conditions that need no tag. */
const builtIn: ReadonlySet<string> = new Set([
  "value",
  "threshold",
  "warn_threshold",
  "ok_threshold",
  "comparator",
  "first_triggered_at",
  "first_triggered_at_epoch",
  "last_triggered_at",
  "last_triggered_at_epoch",
  "triggered_duration_sec",
  "override_priority",
  "check_message",
]);

const conditions: ReadonlySet<string> = new Set([
  "is_alert",
  "is_warning",
  "is_no_data",
  "is_recovery",
  "is_alert_recovery",
  "is_warning_recovery",
  "is_alert_to_warning",
  "is_no_data_recovery",
  "is_renotify",
  "is_priority",
]);
/** Conditions on a variable: `{{#is_match "host.name" "web"}}`. */
const onVariable: ReadonlySet<string> = new Set(["is_match", "is_exact_match"]);

/** `event.*`, `log.*`: of the very event that was found. `comment`: not shown. */
const ofEvent = /^(?:event|log)\./u;

/** Every `{{...}}` of the message is known, its tag is in the group-by, and its blocks are closed. */
export const variables: Rule = {
  tag: "variables",
  monitor: (body, { groupBy }, around) => [
    ...textComplaints("message", body.message, groupBy, around),
    ...textComplaints("name", body.name, groupBy, around),
    ...textComplaints("options.escalation_message", body.options.escalation_message ?? "", groupBy, around),
  ],
};

function textComplaints(
  field: string,
  text: string,
  groupBy: ReadonlySet<string> | undefined,
  around: Surroundings,
): readonly Complaint[] {
  const found: Complaint[] = [];
  const open: string[] = [];
  const say = (message: string) => void found.push({ field, message });
  for (const [whole, inner = ""] of text.matchAll(/\{\{([^{}]*)\}\}/gu)) {
    const [sign = ""] = /^[#^/!]?/u.exec(inner) ?? [];
    const [word = "", ...rest] = inner.slice(sign.length).trim().split(/\s+/u);
    if (sign === "!") continue;
    if (sign === "/") {
      if (open.pop() !== word) say(`${whole} closes what is not open`);
      continue;
    }
    if (sign !== "") open.push(word);
    const name = onVariable.has(word) ? (/^"([^"]*)"/u.exec(rest.join(" "))?.[1] ?? "") : word;
    const known = sign !== "" && conditions.has(word);
    if (!known) found.push(...variableComplaints({ field, whole, name, groupBy, around }));
  }
  if (open.length > 0) say(`{{#${open.join("}} and {{#")}}} is not closed`);
  if (/\{\{[^{}]*$|\{\{[^}]*\{/u.test(text)) say("a {{ is not closed");
  return found;
}

interface Named {
  readonly field: string;
  readonly whole: string;
  readonly name: string;
  readonly groupBy: ReadonlySet<string> | undefined;
  readonly around: Surroundings;
}

function variableComplaints({ field, whole, name, groupBy, around }: Named): readonly Complaint[] {
  if (builtIn.has(name) || ofEvent.test(name) || groupBy === undefined) return [];
  // `host.name`, and for a host its metadata: `host.ip`, `host.env`. A tag may have dots: `[kube.pod].name`.
  const [, bracketed, plain] = /^(?:\[([^\]]+)\]|([^.]+))\.[\w-]+$/u.exec(name) ?? [];
  const tag = bracketed ?? plain;
  if (tag !== undefined && groupBy.has(tag)) return [];
  if (tag !== undefined && groupBy.size > 0)
    return [{ field, message: `${whole}: the query is not grouped by ${tag}, but by ${[...groupBy].join(", ")}` }];
  if (tag !== undefined) return [{ field, message: `${whole}: the query is not grouped, so it has no ${tag}` }];
  return [{ field, message: `${whole}: there is no such variable${around.nearest(name, [...builtIn])}` }];
}
