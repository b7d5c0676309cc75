import { Worker } from "node:worker_threads";
import { parseIpv4 } from "../ipv4.ts";

/** To an address, from inside a network namespace that is given by a file. */
export interface EchoTarget {
  readonly netns: string;
  readonly ip: string;
}

export interface EchoOptions {
  readonly signal: AbortSignal;
  /** Pings to each, 10 unless told, and milliseconds between them. */
  readonly count?: number;
  readonly gapMs?: number;
  /** Milliseconds that are waited for the last answers. */
  readonly waitMs?: number;
}

/** What the thread is asked, and what it answers: received answers, or why none could be waited for. */
export interface EchoRequest {
  readonly targets: readonly { readonly netns: string; readonly ip: number }[];
  readonly count: number;
  readonly gapMs: number;
  readonly waitMs: number;
}
export type EchoReply = readonly (number | string)[];

/**
 * Pings all targets at once from a thread of its own, which enters each namespace; no program is needed in them. For each
 * the share that was lost, 0 to 1, or an Error where it could not be tried (no right, no koffi, no such namespace).
 * Rejects with the signal's reason.
 */
export async function echo(
  targets: readonly EchoTarget[],
  { signal, count = 10, gapMs = 10, waitMs = 150 }: EchoOptions,
): Promise<readonly (number | Error)[]> {
  signal.throwIfAborted();
  if (targets.length === 0) return [];
  const asked = targets.map(({ netns, ip }) => ({ netns, ip: parseIpv4(ip) }));
  const good = asked.flatMap(({ netns, ip }) => (ip === undefined ? [] : [{ netns, ip }]));
  const replies = [...(await ask({ targets: good, count, gapMs, waitMs }))];
  signal.throwIfAborted();
  return asked.map(({ ip }) => (ip === undefined ? new Error("not an IPv4 address") : lossOf(replies.shift(), count)));
}

function lossOf(reply: number | string | undefined, count: number): number | Error {
  if (typeof reply === "number") return 1 - Math.min(reply, count) / count;
  return new Error(`not probed: ${reply ?? "no answer of the thread"}`);
}

/** Resolves when the thread has ended: a process that ends under it would end badly. */
async function ask(request: EchoRequest): Promise<EchoReply> {
  const worker = new Worker(new URL("./echo-worker.js", import.meta.url));
  let answer: EchoReply = [];
  let why = "the thread ended without an answer";
  worker.once("message", (reply: EchoReply) => void (answer = reply));
  worker.once("error", (error) => void (why = error instanceof Error ? error.message : String(error)));
  const ended = new Promise<void>((resolve) => void worker.once("exit", () => resolve()));
  worker.postMessage(request, []);
  await ended;
  return answer.length > 0 ? answer : request.targets.map(() => why);
}
