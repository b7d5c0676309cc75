import type { Complaint, Rule, Surroundings } from "./rule.ts";

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
  monitor: ({ name, message, options }, { groupBy }, around) => {
    // Where groups are put together, only what they have in common can be named.
    const { notify_by: by = [], escalation_message: escalation = "" } = options;
    const named = by.length === 0 ? groupBy : new Set(by.filter((tag) => tag !== "*"));
    return [
      ...textComplaints("message", message, named, around),
      ...textComplaints("name", name, named, around),
      ...textComplaints("options.escalation_message", escalation, named, around),
    ];
  },
};

function textComplaints(
  field: string,
  text: string,
  groupBy: ReadonlySet<string> | undefined,
  around: Surroundings,
): readonly Complaint[] {
  const marks = [...text.matchAll(/\{\{([^{}]*)\}\}/gu)].map(([whole, inner = ""]) => markOf(whole, inner));
  const left = text.replaceAll(/\{\{[^{}]*\}\}/gu, "");
  const messages = [
    ...unclosed(marks),
    ...(left.includes("{{") ? ["a {{ is not closed"] : []),
    ...marks.flatMap((mark) => variableMessage(mark, groupBy, around)),
  ];
  return messages.map((message) => ({ field, message }));
}

/** `{{#is_match "host.name" "web"}}`: sign `#`, word `is_match`, name `host.name`. */
interface Mark {
  readonly whole: string;
  readonly sign: string;
  readonly word: string;
  /** The variable; a block's where it has one. */
  readonly name: string;
}

function markOf(whole: string, inner: string): Mark {
  const [, sign = "", word = "", rest = ""] = /^([#^/!]?)\s*(\S*)\s*(.*)$/su.exec(inner.trim()) ?? [];
  const name = onVariable.has(word) ? (/^"([^"]*)"/u.exec(rest)?.[1] ?? "") : word;
  return { whole, sign, word, name };
}

function unclosed(marks: readonly Mark[]): readonly string[] {
  const open: string[] = [];
  const strange: string[] = [];
  for (const { whole, sign, word } of marks) {
    if (sign === "#" || sign === "^") open.push(word);
    if (sign === "/" && open.pop() !== word) strange.push(`${whole} closes what is not open`);
  }
  return [...strange, ...open.map((word) => `the block ${word} is not closed`)];
}

function variableMessage(
  { whole, sign, name }: Mark,
  groupBy: ReadonlySet<string> | undefined,
  around: Surroundings,
): readonly string[] {
  if (sign === "/" || sign === "!" || isKnown(sign, name) || groupBy === undefined) return [];
  const tag = tagOf(name);
  if (tag === undefined)
    return [`${whole}: there is no such variable${around.nearest(name, [...builtIn, ...conditions])}`];
  if (groupBy.has(tag)) return [];
  const by = groupBy.size > 0 ? `by ${tag}, but by ${[...groupBy].join(", ")}` : `, so it has no ${tag}`;
  return [`${whole}: the alert is not grouped ${by}`.replace(" ,", ",")];
}

const isKnown = (sign: string, name: string): boolean =>
  builtIn.has(name) || ofEvent.test(name) || (sign !== "" && conditions.has(name));

/** `host.name`, and for a host its metadata: `host.ip`, `host.env`. A tag may have dots itself: `[kube.pod].name`. */
function tagOf(name: string): string | undefined {
  const [, bracketed, plain] = /^(?:\[([^\]]+)\]|([^.]+))\.[\w-]+$/u.exec(name) ?? [];
  return bracketed ?? plain;
}
