import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { jobSchema, withdrawalSchema } from "../../../dispatch/job.ts";
import { handOverRequest, maxLineBytes } from "../../../dispatch/local/protocol.ts";
import type { Job, Withdrawal } from "../../../dispatch/job.ts";
import type { Receipt } from "../../../dispatch/hand-over.ts";
import { type LineServer, oneLine, serveSocket } from "../../../host/line-socket.ts";

export interface LineWorker extends LineServer {
  readonly path: string;
  /** All that was asked, as it came. */
  readonly lines: readonly string[];
  readonly jobs: readonly Job[];
  readonly withdrawals: readonly Withdrawal[];
  /** In place of what it would answer to a job from now on; a text is sent as it is. */
  answer: Receipt["answer"] | { readonly text: string } | undefined;
}

/** Speaks a worker's protocol for jobs, and writes each through to the disk before it says so. */
export async function startLineWorker(folder: string): Promise<LineWorker> {
  const [path, file] = [join(folder, "jobs.sock"), openSync(join(folder, "jobs"), "a")];
  const [jobs, withdrawals, traces] = [new Array<Job>(), new Array<Withdrawal>(), new Map<string, string>()];
  const kept = (line: string): void => {
    writeSync(file, `${line}\n`);
    fsyncSync(file);
  };
  const offered = (job: Job): Receipt => {
    const before = traces.get(job.id);
    if (before !== undefined) return { answer: "duplicate", trace: before };
    kept(JSON.stringify(job));
    traces.set(job.id, job.trace);
    jobs.push(job);
    return { answer: "accepted", trace: job.trace };
  };
  const lines: string[] = [];
  const answerTo = (line: string): string => {
    lines.push(line);
    const request = handOverRequest.parse(JSON.parse(line));
    const set = worker.answer;
    if (typeof set === "object") return set.text;
    if ("offer" in request) {
      const job = jobSchema.parse(request.offer);
      return JSON.stringify(set === undefined ? offered(job) : { answer: set, trace: job.trace });
    }
    const withdrawal = withdrawalSchema.parse(request.withdraw);
    kept(JSON.stringify(withdrawal));
    withdrawals.push(withdrawal);
    return JSON.stringify({ answer: "withdrawn", trace: withdrawal.trace });
  };
  const server = await serveSocket(path, { mode: 0o600, maxConnections: 100 }, (socket) => {
    oneLine(socket, maxLineBytes).then(
      (line) => socket.end(`${answerTo(line)}\n`),
      () => socket.destroy(),
    );
  });
  let closing: Promise<void> | undefined;
  const close = () => (closing ??= server.close().then(() => closeSync(file)));
  const worker: LineWorker = { path, lines, jobs, withdrawals, answer: undefined, close };
  return worker;
}
