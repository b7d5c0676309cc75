import type { z } from "zod";
import { controlAnswer, type controlRequest, type jobView, maxLineBytes } from "../dispatch/local/protocol.ts";
import { askLine } from "../host/line-socket.ts";

export type JobView = z.output<typeof jobView>;

/** Asks the worker of this host at its socket for operators. Throws an Error that says why it has not answered, or why it will not. */
export async function askWorker(path: string, request: z.input<typeof controlRequest>) {
  const line = await askLine(path, JSON.stringify(request), { timeoutMs: 5000, maxBytes: 64 * maxLineBytes });
  const answer = controlAnswer.parse(JSON.parse(line));
  if ("error" in answer) throw new Error(`the worker at ${path} says: ${answer.error}`);
  return answer;
}
