import type { z } from "zod";
import { noDataOptions, present } from "../definition.ts";
import { type Desired, type JsonObject, ownerTags } from "../desired.ts";
import type { Problem } from "../problem.ts";
import { changed, type MonitorSettings, type SourceFile } from "../settings.ts";
import { userFile, type UserMonitor } from "./file.ts";
import { locate, type Located } from "./located.ts";
import { fill, type Variables, variablesOf } from "./variables.ts";

/** A monitor of the user's, and where each of its fields stands. */
export interface UserDefined {
  readonly object: Desired;
  /** The place of a field of the body, such as `options.thresholds.critical`. */
  readonly at: (field: string) => string;
}

interface Read {
  readonly monitors: readonly UserDefined[];
  readonly problems: readonly Problem[];
}

type Nearest = (word: string, known: readonly string[]) => string;

/** The monitors of one file; where it is no such file at all, only what is wrong with it. */
export function readUserFile(file: SourceFile, settings: MonitorSettings, nearest: Nearest): Read {
  const located = locate(file);
  if ("error" in located) return { monitors: [], problems: [formProblem(located.where, "", located.error)] };
  const parsed = userFile.safeParse(located.value);
  if (!parsed.success)
    return { monitors: [], problems: parsed.error.issues.flatMap((issue) => issueProblems(issue, located, nearest)) };
  const { variables, monitors } = parsed.data;
  const all = monitors.map((monitor, i) => userMonitor(monitor, variables, settings, placesOf(located, i), nearest));
  return { monitors: all.map(({ defined }) => defined), problems: all.flatMap(({ problems }) => problems) };
}

const formProblem = (where: string, field: string, message: string): Problem => ({
  rule: "form",
  where,
  key: "",
  field,
  message,
});

function issueProblems(issue: z.core.$ZodIssue, { at, value }: Located, nearest: Nearest): readonly Problem[] {
  const field = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) =>
      formProblem(
        at([...issue.path, key]),
        [...issue.path.map(String), key].join("."),
        `there is no such key${nearest(key, knownKeys(issue.path))}`,
      ),
    );
  const said = issue.message.replace(/^Invalid (?:input|option): /u, "").replace(/, received undefined$/u, "");
  const missing = valueAt(value, issue.path) === undefined ? "it is missing: " : "";
  return [formProblem(at(issue.path), field, `${missing}${said}`)];
}

/** What may stand there, for a hint. */
function knownKeys(path: readonly PropertyKey[]): readonly string[] {
  const { monitors } = userFile.shape;
  const one = monitors.element.shape;
  if (path.length === 0) return Object.keys(userFile.shape);
  if (path.length === 2) return Object.keys(one);
  if (path[2] === "options") return Object.keys(one.options.unwrap().shape);
  return path[2] === "thresholds" ? Object.keys(one.thresholds.shape) : [];
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (below, name) =>
      typeof below === "object" && below !== null
        ? Object.entries(below).find(([key]) => key === String(name))?.[1]
        : undefined,
    value,
  );
}

/** Fields of the body by where they stand in the file. */
function placesOf({ at }: Located, index: number): (field: string) => string {
  return (field) => {
    const names = field.split(".").filter((name) => name !== "");
    const path = names[0] === "options" && names[1] === "thresholds" ? names.slice(1) : names;
    return at(["monitors", index, ...path]);
  };
}

function userMonitor(
  monitor: UserMonitor,
  own: Readonly<Record<string, string | number>>,
  settings: MonitorSettings,
  at: (field: string) => string,
  nearest: Nearest,
): { readonly defined: UserDefined; readonly problems: readonly Problem[] } {
  const thresholds = changed(monitor.thresholds, settings.thresholds[monitor.key]);
  const variables = variablesOf(own, monitor, thresholds, settings);
  const problems: Problem[] = [];
  const filled = (field: "name" | "query" | "message"): string => {
    const { text, unknown } = fill(monitor[field], variables);
    for (const name of unknown)
      problems.push({
        rule: "form",
        where: at(field),
        key: monitor.key,
        field,
        message: `\${${name}}: there is no such variable${nearest(name, Object.keys(variables))}`,
      });
    return text.trim();
  };
  const message = withHandles(filled("message"), monitor, variables);
  const body = { ...rest(monitor), name: filled("name"), query: filled("query"), message };
  const options = optionsOf(monitor, present({ ...thresholds }));
  return {
    defined: { object: { kind: "monitor", key: monitor.key, origin: at(""), body: { ...body, options } }, at },
    problems,
  };
}

const rest = ({ key, level, type, priority, tags }: UserMonitor): JsonObject => ({
  type,
  priority,
  tags: [...ownerTags(key), `level:${level}`, ...tags],
});

/** Whoever is to be told is told, also where the message does not say `${notify}`. */
function withHandles(text: string, { message }: UserMonitor, { notify = "" }: Variables): string {
  return message.includes("${notify}") || notify === "" ? text : `${text}\n\n${notify}`;
}

function optionsOf({ type, no_data, options }: UserMonitor, thresholds: JsonObject): JsonObject {
  // A service check knows the older option only.
  const noData = type === "service check" && no_data === "notify" ? { notify_no_data: true } : noDataOptions[no_data];
  return {
    include_tags: true,
    notify_audit: false,
    ...(type.startsWith("query") || type.startsWith("metric") ? { require_full_window: false } : {}),
    ...present(options),
    ...noData,
    thresholds,
  };
}
