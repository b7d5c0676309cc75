import { type Invalid, invalid, type Origin, originOf, type ParseOptions, parseTags } from "./parse-fields.ts";
import { parseGoFloat, parseGoInt } from "./parse-number.ts";

type MetricType = "gauge" | "count" | "histogram" | "distribution" | "timing" | "set";

export interface ParsedMetric extends Origin {
  readonly kind: "metric";
  readonly name: string;
  readonly type: MetricType;
  /** One or, packed (protocol 1.1), several; NaN and the infinities do occur. Not there for a set. */
  readonly values?: readonly number[];
  /** Of a set alone; may hold colons. */
  readonly set_value?: string;
  /** As it was sent: the agent does not check its range, and 0 occurs. */
  readonly sample_rate: number;
  readonly tags: readonly string[];
  /** Seconds since the epoch. */
  readonly timestamp?: number;
}

const TYPES: ReadonlyMap<string, MetricType> = new Map([
  ["g", "gauge"],
  ["c", "count"],
  ["h", "histogram"],
  ["d", "distribution"],
  ["ms", "timing"],
  ["s", "set"],
]);

/** `name:value[:value...]|type[|@rate][|#tag,tag][|Tseconds]...`, the optional fields in any order. */
export function parseMetric(line: string, options: ParseOptions): ParsedMetric | Invalid {
  const [nameAndValue = "", symbol, ...fields] = line.split("|");
  if (symbol === undefined) return invalid("no | in a metric", line);
  const type = TYPES.get(symbol);
  if (type === undefined) return invalid("unknown metric type", symbol);
  const colon = nameAndValue.indexOf(":");
  const rawValue = nameAndValue.slice(colon + 1);
  if (colon < 1 || rawValue === "") return invalid("no name:value in a metric", nameAndValue);
  const value = type === "set" ? { set_value: rawValue } : parseValues(rawValue);
  if ("kind" in value) return value;
  const optional = parseOptionalFields(fields, options);
  if ("kind" in optional) return optional;
  return { kind: "metric", name: nameAndValue.slice(0, colon), type, ...value, ...optional };
}

/** Packed values; empty ones between colons are skipped, but one at least must be there. */
function parseValues(text: string): { values: number[] } | Invalid {
  const values: number[] = [];
  for (const item of text.split(":")) {
    if (item === "") continue;
    const value = parseGoFloat(item);
    if (value === undefined) return invalid("not a number", item);
    values.push(value);
  }
  return values.length === 0 ? invalid("no value in a metric", text) : { values };
}

type Optional = Pick<ParsedMetric, "sample_rate" | "tags" | "timestamp"> & Origin;

function parseOptionalFields(fields: readonly string[], options: ParseOptions): Optional | Invalid {
  let tags: string[] = [];
  let sampleRate = 1;
  let timestamp: number | undefined;
  for (const field of fields) {
    if (field.startsWith("#")) tags = parseTags(field.slice(1));
    if (field.startsWith("@")) {
      const rate = parseGoFloat(field.slice(1));
      if (rate === undefined) return invalid("bad sample rate", field);
      sampleRate = rate;
    }
    if (field.startsWith("T") && options.readTimestamps !== false) {
      timestamp = parseGoInt(field.slice(1));
      if (timestamp === undefined || timestamp < 1) return invalid("bad timestamp", field);
    }
  }
  return { sample_rate: sampleRate, tags, ...(timestamp !== undefined && { timestamp }), ...originOf(fields, options) };
}
