import { Worker } from "node:worker_threads";
import { parseIpv4 } from "../ipv4.ts";
import { messageOf } from "../thrown.ts";

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

/** A thread that pings from inside namespaces. */
export interface Echo {
  /**
   * Pings all targets at once; no program is needed in them. One question at a time. For each the share that was lost, 0
   * to 1, or an Error where it could not be tried (no right, no koffi, no such namespace). Rejects with the signal's reason.
   */
  readonly probe: (targets: readonly EchoTarget[], options: EchoOptions) => Promise<readonly (number | Error)[]>;
  /** Resolves when the thread has ended: a process that ends under it would end badly. */
  readonly close: () => Promise<void>;
}

/** Takes some 0.1 s to be ready, in which other work can be done. */
export function startEcho(): Echo {
  const worker = new Worker(new URL("./echo-worker.js", import.meta.url));
  let why = "the thread ended without an answer";
  worker.on("error", (error) => void (why = messageOf(error)));
  const ended = new Promise<void>((resolve) => void worker.once("exit", () => resolve()));
  const ask = async (request: EchoRequest): Promise<EchoReply> => {
    const answer = new Promise<EchoReply>((resolve) => void worker.once("message", resolve));
    worker.postMessage(request, []);
    return Promise.race([answer, ended.then(() => request.targets.map(() => why))]);
  };
  return {
    probe: async (targets, options) => probe(targets, options, ask),
    close: async () => {
      worker.postMessage("end", []);
      await ended;
    },
  };
}

/** A thread for one question. */
export async function echo(targets: readonly EchoTarget[], options: EchoOptions): Promise<readonly (number | Error)[]> {
  const thread = startEcho();
  try {
    return await thread.probe(targets, options);
  } finally {
    await thread.close();
  }
}

async function probe(
  targets: readonly EchoTarget[],
  { signal, count = 10, gapMs = 10, waitMs = 150 }: EchoOptions,
  ask: (request: EchoRequest) => Promise<EchoReply>,
): Promise<readonly (number | Error)[]> {
  signal.throwIfAborted();
  const asked = targets.map(({ netns, ip }) => ({ netns, ip: parseIpv4(ip) }));
  const good = asked.flatMap(({ netns, ip }) => (ip === undefined ? [] : [{ netns, ip }]));
  const replies = good.length === 0 ? [] : [...(await ask({ targets: good, count, gapMs, waitMs }))];
  signal.throwIfAborted();
  return asked.map(({ ip }) => (ip === undefined ? new Error("not an IPv4 address") : lossOf(replies.shift(), count)));
}

function lossOf(reply: number | string | undefined, count: number): number | Error {
  if (typeof reply === "number") return 1 - Math.min(reply, count) / count;
  return new Error(`not probed: ${reply ?? "no answer of the thread"}`);
}
