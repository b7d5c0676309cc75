import { type ParsedCheck, parseCheck } from "./parse-check.ts";
import { type ParsedEvent, parseEvent } from "./parse-event.ts";
import { type Invalid, type ParseOptions } from "./parse-fields.ts";
import { type ParsedMetric, parseMetric } from "./parse-metric.ts";

/** A message as the Datadog agent would read it; keys and texts are those of the agent's own structures. */
export type Message = ParsedMetric | ParsedEvent | ParsedCheck;

export type ParsedLine = Message | Invalid;

const EVENT_PREFIX = "_e{";
const CHECK_PREFIX = "_sc";
const LF = 0x0a;
const CR = 0x0d;

/** One DogStatsD line (protocol 1.0 to 1.6), without its line end. Never throws: what the agent refuses is `invalid`. */
export function parseLine(line: Uint8Array | string, options: ParseOptions = {}): ParsedLine {
  const bytes = typeof line === "string" ? Buffer.from(line) : Buffer.from(line.buffer, line.byteOffset, line.length);
  const text = bytes.toString("utf8");
  if (text.startsWith(EVENT_PREFIX)) return parseEvent(bytes, options);
  if (text.startsWith(CHECK_PREFIX)) return parseCheck(text, options);
  // Anything else is a metric to the agent, gibberish too.
  return parseMetric(text, options);
}

/** The lines of one datagram: split at LF, one CR before it dropped, empty lines skipped. They share its memory. */
export function splitPacket(packet: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start < packet.length;) {
    const lineFeed = packet.indexOf(LF, start);
    const end = lineFeed === -1 ? packet.length : lineFeed;
    const textEnd = end > start && packet[end - 1] === CR ? end - 1 : end;
    if (textEnd > start) lines.push(packet.subarray(start, textEnd));
    start = end + 1;
  }
  return lines;
}
