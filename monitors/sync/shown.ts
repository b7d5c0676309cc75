import { printable } from "../../host/iproute2/error.ts";
import type { Json } from "../desired.ts";
import type { Difference } from "./difference.ts";
import { isList, isObject, parseJson } from "./json.ts";
import { lineDifferences } from "./lines.ts";
import { withoutSecret } from "./secret.ts";

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
  const list = listChange(actual, desired);
  if (list !== undefined) return { path, change: list, lines: [] };
  const [before, after] = [textOf(path, actual), textOf(path, desired)];
  if (before === after)
    return { path, change: path === "url" ? "another value (not shown)" : "differs in its layout only", lines: [] };
  if (before.includes("\n") || after.includes("\n") || before.length + after.length > 160)
    return { path, change: "", lines: lineDifferences(before.split("\n"), after.split("\n")).map(clean) };
  return { path, change: `${clean(quoted(path, actual))} → ${clean(quoted(path, desired))}`, lines: [] };
}

/** Somebody may have put a token there. What is defined has none: rules see to that. */
const isSecret = (path: string): boolean => path === "custom_headers";

function headersChange(actual: Json | undefined, desired: Json | undefined): string {
  const [before, after] = [headerNames(actual), headerNames(desired)];
  return before === after ? `another value for ${after} (not shown)` : `${before} → ${after} (values are not shown)`;
}

function headerNames(value: Json | undefined): string {
  const headers = typeof value === "string" ? parseJson(value) : undefined;
  return isObject(headers) ? Object.keys(headers).map(clean).join(", ") : "none";
}

/** Undefined where one of them is not a list of texts. */
function listChange(actual: Json | undefined, desired: Json | undefined): string | undefined {
  const [before, after] = [textsIn(actual), textsIn(desired)];
  if (before === undefined || after === undefined) return undefined;
  const minus = before.filter((one) => !after.includes(one));
  const plus = after.filter((one) => !before.includes(one));
  return clean([...minus.map((one) => `-${one}`), ...plus.map((one) => `+${one}`)].join(" "));
}

function textsIn(value: Json | undefined): readonly string[] | undefined {
  const texts = isList(value) ? value.filter((one) => typeof one === "string") : [];
  return isList(value) && texts.length === value.length ? texts : undefined;
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

/** A text without what must not be shown. */
export const shownText = (path: string, text: string): string => clean(textOf(path, text));

const hidden = (path: string, value: Json): Json => (typeof value === "string" ? withoutSecret(path, value) : value);

const clean = (text: string): string => printable(text);
