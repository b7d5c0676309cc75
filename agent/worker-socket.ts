import type { z } from "zod";
import { controlAnswer, type controlRequest, type jobView, maxLineBytes } from "../dispatch/local/protocol.ts";
import { askLine } from "../host/line-socket.ts";

export type JobView = z.output<typeof jobView>;

/** It has answered, and will not. */
export class WorkerRefused extends Error {
  override readonly name = "WorkerRefused";
}

/** Asks the worker of this host at its socket for operators. Throws `WorkerRefused`, or an Error that says why it has not answered. */
export async function askWorker(path: string, request: z.input<typeof controlRequest>) {
  const line = await askLine(path, JSON.stringify(request), { timeoutMs: 5000, maxBytes: 64 * maxLineBytes });
  const answer = controlAnswer.parse(JSON.parse(line));
  if ("error" in answer) throw new WorkerRefused(`the worker at ${path} says: ${answer.error}`);
  return answer;
}
