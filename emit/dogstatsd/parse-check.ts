import { type Invalid, invalid, type Origin, originOf, type ParseOptions, parseTags } from "./parse-fields.ts";
import { parseGoInt } from "./parse-number.ts";

export type CheckStatus = "ok" | "warning" | "critical" | "unknown";

export interface ParsedCheck extends Origin {
  readonly kind: "service_check";
  readonly name: string;
  readonly status: CheckStatus;
  readonly tags: readonly string[];
  /** Seconds since the epoch. */
  readonly timestamp?: number;
  readonly hostname?: string;
  /** As it was sent: the agent leaves the two characters `\n` alone here. */
  readonly message?: string;
}

const STATUSES: ReadonlyMap<string, CheckStatus> = new Map([
  ["0", "ok"],
  ["1", "warning"],
  ["2", "critical"],
  ["3", "unknown"],
]);

/** `_sc|name|status[|field]...`. */
export function parseCheck(line: string, options: ParseOptions): ParsedCheck | Invalid {
  // The agent counts the bars of the whole line, then cuts four bytes off whatever they are.
  if (line.split("|", 3).length < 3) return invalid("no name and status in a service check", line);
  const [name = "", status = "", ...fields] = line.slice("_sc|".length).split("|");
  if (name === "") return invalid("no name in a service check", line);
  const known = STATUSES.get(status);
  if (known === undefined) return invalid("unknown status in a service check", status);
  return { kind: "service_check", name, status: known, ...parseOptionalFields(fields, options) };
}

/** A bad optional field leaves what was known before; it never costs the check. */
function parseOptionalFields(
  fields: readonly string[],
  options: ParseOptions,
): Omit<ParsedCheck, "kind" | "name" | "status"> {
  let tags: string[] = [];
  let timestamp = 0;
  let hostname = "";
  let message = "";
  for (const field of fields) {
    if (field.startsWith("#")) tags = parseTags(field.slice(1));
    if (field.startsWith("d:")) timestamp = parseGoInt(field.slice(2)) ?? timestamp;
    if (field.startsWith("h:")) hostname = field.slice(2);
    if (field.startsWith("m:")) message = field.slice(2);
  }
  return {
    tags,
    ...(timestamp !== 0 && { timestamp }),
    ...(hostname !== "" && { hostname }),
    ...(message !== "" && { message }),
    ...originOf(fields, options),
  };
}
