import { Worker } from "node:worker_threads";
import type { Batch, Receipt } from "./messages.ts";

/** The worker thread while it lives. It never keeps the process from ending. */
export interface Thread {
  readonly post: (batch: Batch) => void;
  /** Resolves when it has ended: never, where journald hangs and it could not be given a deadline. */
  readonly end: () => Promise<unknown>;
}

export interface ThreadEvents {
  readonly onReceipt: (receipt: Receipt) => void;
  /** Not after `end`. */
  readonly onDeath: (why: string) => void;
}

export function startThread(program: URL, { onReceipt, onDeath }: ThreadEvents): Thread {
  const worker = new Worker(program);
  let [ending, why] = [false, ""];
  worker.unref();
  worker.on("message", onReceipt);
  worker.on("error", (error) => void (why = error instanceof Error ? error.message : String(error)));
  worker.on("exit", (code) => {
    if (!ending)
      onDeath(`the thread that writes to the journal died (${why === "" ? `code ${code}` : firstLine(why)})`);
  });
  return {
    post: (batch) => worker.postMessage(batch, []),
    end: async () => {
      ending = true;
      await worker.terminate();
    },
  };
}

/** Node's own message for a missing module goes on with a list of who asked for it. */
const firstLine = (text: string): string => text.split("\n", 1)[0] ?? "";
