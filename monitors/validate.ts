import type { z } from "zod";
import { dashboardBody, monitorBody, webhookBody } from "./body.ts";
import { type Desired, ownerLine } from "./desired.ts";
import type { Problem } from "./problem.ts";
import { readQuery } from "./query.ts";
import { rules } from "./rules/all.ts";
import type { Complaint, Rule, Surroundings } from "./rules/rule.ts";
import { type MonitorSettings, type SourceFile } from "./settings.ts";
import { shipped, shippedMonitors } from "./shipped.ts";
import { readUserFile, type UserDefined } from "./user/read.ts";
import { webhookName } from "./webhook.ts";

interface Validated {
  /** In the order in which they are to be made. */
  readonly objects: readonly Desired[];
  /** Where there is one, nothing is to be sent. */
  readonly problems: readonly Problem[];
}

type Known = Pick<Surroundings, "metrics" | "nearest">;

/** Everything that is to be in the organisation, what ships and what the user's files add, judged by form and by every rule. */
export function validate(settings: MonitorSettings, files: readonly SourceFile[], known: Known): Validated {
  const read = files.map((file) => readUserFile(file, settings, known.nearest));
  const users = read.flatMap(({ monitors }) => monitors);
  const ours = shipped(settings).map((object): UserDefined => ({ object, at: () => object.origin }));
  const all = inOrder([...ours, ...users]);
  const around: Surroundings = {
    ...known,
    prefix: settings.prefix,
    webhooks: new Set([...(settings.webhookUrl === undefined ? [] : [webhookName]), ...settings.otherWebhooks]),
  };
  return {
    objects: all.map(({ object }) => object),
    problems: [
      ...read.flatMap(({ problems }) => problems),
      ...settingsProblems(settings, users, known),
      ...twice(all),
      ...all.flatMap((one) => judge(one, around)),
    ].toSorted((a, b) => a.where.localeCompare(b.where, "en", { numeric: true })),
  };
}

const kinds = ["webhook", "monitor", "dashboard"] as const;

const inOrder = (all: readonly UserDefined[]): readonly UserDefined[] =>
  kinds.flatMap((kind) => all.filter(({ object }) => object.kind === kind));

/** One object by all rules: its form first, for they rely on it. */
export function judge({ object, at }: UserDefined, around: Surroundings): readonly Problem[] {
  const problem = (rule: string, { field, message }: Complaint): Problem => ({
    rule,
    where: at(field),
    key: object.key,
    field,
    message,
  });
  const { issues, complaintsOf } = typed(object, around);
  if (issues.length > 0)
    return issues.map(({ path, message }) => problem("form", { field: path.map(String).join("."), message }));
  return rules.flatMap((rule) => complaintsOf(rule).map((complaint) => problem(rule.tag, complaint)));
}

interface Typed {
  readonly issues: readonly z.core.$ZodIssue[];
  readonly complaintsOf: (rule: Rule) => readonly Complaint[];
}

function typed({ kind, body, key }: Desired, around: Surroundings): Typed {
  if (kind === "monitor")
    return applied(monitorBody, body, (rule, value) => rule.monitor?.(value, readQuery(value.query), around));
  if (kind === "webhook") return applied(webhookBody, body, (rule, value) => rule.webhook?.(value));
  const marked = dashboardBody.refine(({ description }) => description.endsWith(`\n${ownerLine(key)}`), {
    path: ["description"],
    error: `expected it to end with the line ${ownerLine(key)}`,
  });
  return applied(marked, body, (rule, value) => rule.dashboard?.(value, around));
}

function applied<S extends z.ZodType>(
  schema: S,
  body: Desired["body"],
  judged: (rule: Rule, value: z.output<S>) => readonly Complaint[] | undefined,
): Typed {
  const parsed = schema.safeParse(body);
  if (!parsed.success) return { issues: parsed.error.issues, complaintsOf: () => [] };
  return { issues: [], complaintsOf: (rule) => judged(rule, parsed.data) ?? [] };
}

/** Keys of the configuration that name no monitor. */
function settingsProblems(
  { skip, thresholds }: MonitorSettings,
  users: readonly UserDefined[],
  { nearest }: Known,
): readonly Problem[] {
  const ours = shippedMonitors.map(({ key }) => key);
  const all = [...ours, ...users.map(({ object }) => object.key)];
  const unknown = (field: string, keys: readonly string[], among: readonly string[]) =>
    keys
      .filter((key) => !among.includes(key))
      .map((key) => ({
        rule: "form",
        where: "configuration",
        key: "",
        field: `${field}.${key}`,
        message: `there is no such monitor${nearest(key, among)}`,
      }));
  return [
    ...unknown("datadog.monitors.skip", skip, ours),
    ...unknown("datadog.monitors.thresholds", Object.keys(thresholds), all),
  ];
}

/** The second of two with one key: they would fight over one object. */
function twice(all: readonly UserDefined[]): readonly Problem[] {
  const first = new Map<string, Desired>();
  return all.flatMap(({ object, at }) => {
    const id = `${object.kind} ${object.key}`;
    const before = first.get(id);
    if (before === undefined) first.set(id, object);
    return before === undefined
      ? []
      : [
          {
            rule: "keys",
            where: at("key"),
            key: object.key,
            field: "key",
            message: `${before.origin} has it already: expected another one (or its name under datadog.monitors.skip)`,
          },
        ];
  });
}
