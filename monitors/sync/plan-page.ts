import { printable } from "../../host/iproute2/error.ts";
import type { Step } from "./apply.ts";
import type { Author } from "./author.ts";
import type { Difference } from "./difference.ts";
import type { Drift } from "./drift.ts";
import { textAt } from "./json.ts";
import type { Change, Plan } from "./plan.ts";
import { type Shown, shown, shownText } from "./shown.ts";

const signs = { create: "+", update: "~", replace: "±", delete: "-" } as const;

/** A plan for a person, each line ending in a newline. */
export function planPage(plan: Plan): string {
  const { changes, conflicts, warnings } = plan;
  return page([
    placeLine(plan),
    "",
    ...changes.flatMap(changeLines),
    ...noteLines(conflicts, "Conflict"),
    ...noteLines(warnings, "Note"),
    ...(changes.length + conflicts.length + warnings.length === 0 ? [] : [""]),
    summaryLine(plan),
  ]);
}

/** What was changed in Datadog, by whom, and when. */
export function driftPage(plan: Plan, drifts: readonly Drift[]): string {
  return page([
    placeLine(plan),
    "",
    ...drifts.flatMap(driftLines),
    ...noteLines(plan.warnings, "Note"),
    ...(drifts.length + plan.warnings.length === 0 ? [] : [""]),
    drifts.length === 0
      ? "No drift: everything is as it was applied."
      : `Drift: ${counted(drifts.length, "object")}. To put back what is defined: overlaywatch monitors plan, then apply.`,
  ]);
}

/** What was done and what was not, one line a change. */
export function stepsPage(steps: readonly Step[]): string {
  const lines = steps.filter(({ result }) => result !== "done").map(stepLine);
  const kept = steps.flatMap(({ change, keptOtherwise }) =>
    keptOtherwise.length === 0
      ? []
      : ["", `The API keeps ${nameOf(change)} otherwise than it was sent:`, ...keptOtherwise.flatMap(fieldLines)],
  );
  const done = steps.filter(({ result }) => result === "done").length;
  const all = done === steps.length ? "" : ` of ${steps.length}`;
  return page([...lines, ...kept, `Done: ${done}${all} ${steps.length === 1 ? "change" : "changes"}.`]);
}

const results = { done: "done", failed: "not done", unknown: "perhaps done", left: "not begun" } as const;

export function stepLine({ change, id, result, error }: Step): string {
  const named = id === undefined || id === change.key ? "" : ` (${id})`;
  const place = change.origin === undefined ? "" : `; it is defined in ${printable(change.origin)}`;
  const why = error === undefined ? "" : `: ${error}${place}`;
  return `${signs[change.action]} ${nameOf(change)}${named}: ${results[result]}${why}`;
}

/** Empty where nothing is to be done. */
export function summaryLine({ changes, inSync }: Plan): string {
  const parts = (["create", "update", "replace", "delete"] as const)
    .map((action) => ({ action, count: changes.filter((one) => one.action === action).length }))
    .filter(({ count }) => count > 0)
    .map(({ action, count }) => `${count} to ${action}`);
  if (parts.length === 0) return `In sync: ${counted(inSync, "object")}, nothing to do.`;
  return `${parts.join(", ")}; ${counted(inSync, "object")} in sync.`;
}

export function changeLines(change: Change): readonly string[] {
  const id = change.id === undefined || change.id === change.key ? "" : `  (${change.id})`;
  const title = change.title === "" || change.title === change.key ? "" : `  ${printable(change.title)}`;
  const head = `${signs[change.action]} ${nameOf(change)}${id}${title}`;
  const replaced = change.action === "replace" ? ["    is deleted and made again: the API can not change this"] : [];
  return [head, ...replaced, ...newLines(change), ...change.fields.flatMap(fieldLines)];
}

/** Of what is new, the line that says most. */
function newLines({ action, kind, body }: Change): readonly string[] {
  if (action !== "create" || body === undefined) return [];
  const line = kind === "dashboard" ? undefined : textAt(body, kind === "monitor" ? "query" : "url");
  return line === undefined ? [] : [`    ${shownText(kind === "webhook" ? "url" : "query", line)}`];
}

function fieldLines(difference: Difference): readonly string[] {
  const { path, change, lines }: Shown = shown(difference);
  return [`    ${printable(path)}: ${change}`.trimEnd(), ...lines.map((line) => `      ${line}`)];
}

const headlines = {
  gone: "was deleted",
  changed: "was changed",
  missing: "is not there; whether it was deleted or never made is not known",
  unexpected: "carries our mark, and is defined nowhere",
};

function driftLines({ change, what, alsoDefined, author }: Drift): readonly string[] {
  const also = alsoDefined ? ["    its definition was changed as well since it was applied"] : [];
  const id = change.id === undefined || change.id === change.key ? "" : ` (${change.id})`;
  const fields = what === "changed" ? change.fields.flatMap((one) => fieldLines(backwards(one))) : [];
  const by = what === "gone" || what === "changed" ? authorText(author) : "";
  return [`! ${nameOf(change)}${id} ${headlines[what]}${by}`, ...also, ...fields];
}

/** A plan leads to what is defined; drift led away from it. */
function backwards({ path, actual, desired }: Difference): Difference {
  return {
    path,
    ...(desired === undefined ? {} : { actual: desired }),
    ...(actual === undefined ? {} : { desired: actual }),
  };
}

function authorText({ who, when }: Author = {}): string {
  const at = when === undefined ? "" : ` at ${printable(when)}`;
  return `${at} by ${who === undefined ? "somebody (the API does not say who)" : printable(who)}`;
}

const nameOf = ({ kind, key }: Change): string => `${kind} ${printable(key)}`;

const placeLine = ({ api, org }: Plan): string => `${api}, organisation ${org === "" ? "not known" : printable(org)}`;

const noteLines = (sentences: readonly string[], head: string): readonly string[] =>
  sentences.flatMap((sentence) => ["", `${head}: ${printable(sentence)}`]);

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;

const page = (lines: readonly string[]): string => lines.map((line) => `${line.trimEnd()}\n`).join("");
