import { parseGoInt } from "./parse-number.ts";

export interface ParseOptions {
  /** The agent's `dogstatsd_no_aggregation_pipeline`, on by default: without it `|T` is skipped unread. */
  readonly readTimestamps?: boolean;
  /** The agent's `dogstatsd_origin_detection_client`, off by default: without it `c:`, `e:` and `card:` are skipped unread. */
  readonly originDetectionClient?: boolean;
}

export interface Invalid {
  readonly kind: "invalid";
  readonly reason: string;
}

interface LocalData {
  readonly container_id?: string;
  /** Of the sender's control group. */
  readonly inode?: number;
}

interface ExternalData {
  /** Whether the sender is an init container. */
  readonly init?: boolean;
  readonly container_name?: string;
  readonly pod_uid?: string;
}

/** What a client says about where it runs; only there under `originDetectionClient`. */
export interface Origin {
  readonly local_data?: LocalData;
  readonly external_data?: ExternalData;
  readonly cardinality?: string;
}

/** A refusal that quotes what was read: shortened, and escaped, because it is a stranger's text on an operator's screen. */
export function invalid(what: string, quoted: string): Invalid {
  return { kind: "invalid", reason: `${what}: ${JSON.stringify(quoted.slice(0, 80))}` };
}

/** Splits at commas alone and keeps empty tags, as the agent does. */
export function parseTags(text: string): string[] {
  return text === "" ? [] : text.split(",");
}

/** Reads the origin fields among all optional fields of a message; a repeated one replaces what it said before. */
export function originOf(fields: readonly string[], options: ParseOptions): Origin {
  if (options.originDetectionClient !== true) return {};
  const local = parseLocalData(lastWith("c:", fields));
  const external = parseExternalData(lastWith("e:", fields));
  const cardinality = lastWith("card:", fields);
  return {
    ...(Object.keys(local).length > 0 && { local_data: local }),
    ...(Object.keys(external).length > 0 && { external_data: external }),
    ...(cardinality !== "" && { cardinality }),
  };
}

function lastWith(prefix: string, fields: readonly string[]): string {
  return fields.findLast((field) => field.startsWith(prefix))?.slice(prefix.length) ?? "";
}

function parseLocalData(text: string): LocalData {
  const known = ["ci-", "in-", "cid-"].some((prefix) => text.startsWith(prefix));
  // Before protocol 1.4 the whole field was the container's id.
  if (!text.includes(",") && !known) return text === "" ? {} : { container_id: text };
  const items = text.split(",");
  const containerId = lastWith("ci-", items) || (items.length === 1 ? lastWith("cid-", items) : "");
  const inode = unsigned(lastWith("in-", items));
  return { ...(containerId !== "" && { container_id: containerId }), ...(inode !== undefined && { inode }) };
}

function parseExternalData(text: string): ExternalData {
  const items = text.split(",");
  const init = lastWith("it-", items);
  const containerName = lastWith("cn-", items);
  const podUid = lastWith("pu-", items);
  return {
    ...(init !== "" && { init: GO_TRUE.has(init) }),
    ...(containerName !== "" && { container_name: containerName }),
    ...(podUid !== "" && { pod_uid: podUid }),
  };
}

/** What Go's `strconv.ParseBool` takes for true; all else is false to the agent. */
const GO_TRUE = new Set(["1", "t", "T", "TRUE", "true", "True"]);

function unsigned(text: string): number | undefined {
  return /^\d/.test(text) ? parseGoInt(text) : undefined;
}
