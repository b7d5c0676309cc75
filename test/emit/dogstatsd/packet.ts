import { type Message, parseLine, splitPacket } from "../../../emit/dogstatsd/parse.ts";
import type { ParseOptions } from "../../../emit/dogstatsd/parse-fields.ts";

interface ParsedPacket {
  readonly kind: "packet";
  readonly messages: readonly Message[];
  readonly invalid_lines: number;
}

/** All messages of one datagram, as the shared vectors have them; a bad line is counted and harms no other. */
export function parsePacket(packet: Buffer, options: ParseOptions = {}): ParsedPacket {
  const lines = splitPacket(packet).map((line) => parseLine(line, options));
  const messages = lines.filter((line) => line.kind !== "invalid");
  return { kind: "packet", messages, invalid_lines: lines.length - messages.length };
}
