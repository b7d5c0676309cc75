import type { z } from "zod";
import { printable } from "../host/iproute2/error.ts";

/** Characters: what it quotes may be as long as who sent it likes. */
const longest = 200;

const short = (text: string): string => printable(text.length <= longest ? text : `${text.slice(0, longest - 1)}…`);

/** What is wrong first in what somebody else sent, where, in a line. */
export function issueIn({ issues: [issue] }: z.ZodError): string {
  return `${short(issue?.path.map(String).join(".") ?? "")}: ${short(issue?.message ?? "not understood")}`;
}
