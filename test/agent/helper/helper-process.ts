import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { z } from "zod";

export const trace = "0123456789abcdef0123456789abcdef";

export const request = (verb: string): string => `${JSON.stringify({ v: 1, verb, trace })}\n`;

export const answerSchema = z.object({
  v: z.literal(1),
  verb: z.string().optional(),
  trace: z.string().optional(),
  exit: z.int().optional(),
  version: z.string().optional(),
  pid: z.int().optional(),
  packed: z.string().optional(),
  stops: z.array(z.string()).optional(),
  result: z
    .object({ outcome: z.string(), refused: z.array(z.object({ rule: z.string(), sentence: z.string() })) })
    .optional(),
  error: z.object({ code: z.int(), message: z.string() }).optional(),
});

/** The helper as it is shipped, with its stdin and stdout as two sockets. */
export function startHelper(env: Readonly<Record<string, string>> = {}): ChildProcess {
  return spawn(process.execPath, ["dist/agent/helper/main.js"], { env, stdio: "pipe" });
}

/** How it ended. */
export async function endOf(child: ChildProcess) {
  if (child.stdout === null || child.stderr === null) throw new Error("it has no pipes");
  const [out, err, ended] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  const answer = answerSchema.parse(JSON.parse(out));
  return { code: z.int().parse(ended[0]), out, err, answer };
}

/** All of it at once, and the end of it. */
export async function asked(bytes: string | Uint8Array, env: Readonly<Record<string, string>> = {}) {
  const child = startHelper(env);
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(bytes);
  return endOf(child);
}
