import { printable } from "../../host/iproute2/error.ts";
import type { Json } from "../desired.ts";
import type { Difference } from "./difference.ts";
import { isList, parseJson, same, isObject } from "./json.ts";
import { lineDifferences } from "./lines.ts";

/** How a field's change is shown: in a line of its own, or line by line. */
export interface Shown {
  readonly path: string;
  /** `500 → 800`; empty where `lines` say it. */
  readonly change: string;
  /** Each begins with `+ `, `- ` or two spaces. */
  readonly lines: readonly string[];
}

export function shown({ path, actual, desired }: Difference): Shown {
  if (isSecret(path)) return { path, change: headersChange(actual, desired), lines: [] };
  if (isList(actual) && isList(desired) && [...actual, ...desired].every((one) => typeof one === "string"))
    return { path, change: listChange(actual, desired), lines: [] };
  const [before, after] = [textOf(path, actual), textOf(path, desired)];
  if (before === after) return { path, change: "differs in its layout only", lines: [] };
  if (before.includes("\n") || after.includes("\n") || before.length + after.length > 160)
    return { path, change: "", lines: lineDifferences(before.split("\n"), after.split("\n")).map(clean) };
  return { path, change: `${clean(quoted(path, actual))} → ${clean(quoted(path, desired))}`, lines: [] };
}

/** Somebody may have put a token there. What is defined has none: rules see to that. */
const isSecret = (path: string): boolean => path === "custom_headers";

function headersChange(actual: Json | undefined, desired: Json | undefined): string {
  const names = (value: Json | undefined) => {
    const headers = typeof value === "string" ? parseJson(value) : undefined;
    return isObject(headers) ? Object.keys(headers).map(clean).join(", ") : "none";
  };
  const [before, after] = [names(actual), names(desired)];
  return before === after ? `another value for ${after} (not shown)` : `${before} → ${after} (values are not shown)`;
}

function listChange(actual: readonly Json[], desired: readonly Json[]): string {
  const minus = actual.filter((one) => !desired.some((other) => same(one, other)));
  const plus = desired.filter((one) => !actual.some((other) => same(one, other)));
  return clean([...minus.map((one) => `-${String(one)}`), ...plus.map((one) => `+${String(one)}`)].join(" "));
}

const quoted = (path: string, value: Json | undefined): string =>
  value === undefined ? "(not set)" : JSON.stringify(hidden(path, value));

/** A text as it is; anything else as JSON, over several lines where it is no single value. */
function textOf(path: string, value: Json | undefined): string {
  if (value === undefined) return "(not set)";
  const plain = hidden(path, value);
  if (typeof plain !== "string") return JSON.stringify(plain, undefined, 1);
  const inner = path === "payload" ? parseJson(plain) : undefined;
  return isObject(inner) ? JSON.stringify(inner, undefined, 1) : plain;
}

/** `https://user:password@host` */
const hidden = (path: string, value: Json): Json =>
  path === "url" && typeof value === "string" ? value.replace(/\/\/[^/@]*@/u, "//(hidden)@") : value;

const clean = (text: string): string => printable(text);
