import { Worker } from "node:worker_threads";
import { messageOf } from "../thrown.ts";
import { type Batch, endOrder, type Receipt, type Warning } from "./messages.ts";

/** The worker thread while it lives. It never keeps the process from ending. */
export interface Thread {
  readonly post: (batch: Batch) => void;
  /**
   * Resolves when it has ended by itself: to terminate it in the middle of a native call could end the process. Never,
   * where journald hangs and its sends have no deadline.
   */
  readonly end: () => Promise<unknown>;
}

export interface ThreadEvents {
  readonly onReceipt: (receipt: Receipt) => void;
  readonly onWarning: (warning: string) => void;
  /** Not after `end`. */
  readonly onDeath: (why: string) => void;
}

export function startThread(program: URL, { onReceipt, onWarning, onDeath }: ThreadEvents): Thread {
  const worker = new Worker(program);
  let [ending, why] = [false, ""];
  worker.unref();
  worker.on("message", (message: Receipt | Warning) => {
    if ("warning" in message) onWarning(message.warning);
    else onReceipt(message);
  });
  worker.on("error", (error) => void (why = messageOf(error)));
  worker.on("exit", (code) => {
    if (!ending)
      onDeath(`the thread that writes to the journal died (${why === "" ? `code ${code}` : firstLine(why)})`);
  });
  return {
    post: (batch) => worker.postMessage(batch, []),
    end: async () => {
      ending = true;
      const ended = new Promise((resolve) => void worker.once("exit", resolve));
      worker.postMessage(endOrder, []);
      await ended;
    },
  };
}

/** Node's own message for a missing module goes on with a list of who asked for it. */
const firstLine = (text: string): string => text.split("\n", 1)[0] ?? "";
