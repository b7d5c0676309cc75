import type { MonitorSettings, Thresholds } from "../settings.ts";
import type { UserMonitor } from "./file.ts";

/** Values by name, for `${name}` in a user's texts. */
export type Variables = Readonly<Record<string, string>>;

/** The file's own variables, and over them: scope, notify, and the thresholds in force. */
export function variablesOf(
  own: Readonly<Record<string, string | number>>,
  { level }: Pick<UserMonitor, "level">,
  thresholds: Thresholds,
  { scope, notify }: MonitorSettings,
): Variables {
  const numbers = Object.entries(thresholds).filter(([, value]) => value !== undefined);
  return Object.fromEntries([
    ...[...Object.entries(own), ...numbers].map(([name, value]): [string, string] => [name, String(value)]),
    ["scope", scope.join(" AND ")],
    ["notify", notify[level].join(" ")],
  ]);
}

const variable = /\$\{([^}]*)\}/gu;

/** Fills the text in. Names that are not known stay, and are told. */
export function fill(
  text: string,
  variables: Variables,
): { readonly text: string; readonly unknown: readonly string[] } {
  const unknown: string[] = [];
  // An empty scope is no term: `{${scope} AND state:active}` must not become `{* AND state:active}`.
  const bare = variables["scope"] === "" ? text.replaceAll(/\$\{scope\}\s*(?:AND\s+|,\s*)/gu, "") : text;
  const filled = bare.replaceAll(variable, (whole, name: string) => {
    if (name === "scope") return variables["scope"] || "*";
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (value === undefined) unknown.push(name);
    return value ?? whole;
  });
  return { text: filled, unknown };
}
