import { closeSync } from "node:fs";
import { Worker } from "node:worker_threads";
import type { Asked, Ledger, Reading, Reply, Request } from "./messages.ts";

/** The worker thread while it lives. */
export interface Thread {
  /** One at a time. Rejects when the thread dies, and when the signal is aborted: the thread is then ended, since nothing else would stop it. */
  readonly ask: (asked: readonly Asked[], signal: AbortSignal) => Promise<readonly Reading[]>;
  readonly isAlive: () => boolean;
  /** Resolves when it has ended and its sockets are closed; never where the kernel does not let go of it. */
  readonly end: () => Promise<unknown>;
}

/** More network namespaces than any host has; of those beyond, the sockets are read as text. */
const most = 8192;

interface Waiting {
  readonly id: number;
  readonly resolve: (readings: readonly Reading[]) => void;
  readonly reject: (error: unknown) => void;
}

export function startThread(program: URL): Thread {
  const ledger: Ledger = new Int32Array(new SharedArrayBuffer(4 * most)).fill(-1);
  const worker = new Worker(program, { workerData: ledger.buffer });
  let [alive, lastId, why] = [true, 0, ""];
  let waiting: Waiting | undefined;
  // Only a question keeps the process from ending.
  worker.unref();
  worker.on("message", ({ id, readings }: Reply) => {
    if (waiting?.id === id) waiting.resolve(readings);
  });
  worker.on("error", (error) => void (why = error instanceof Error ? error.message : String(error)));
  worker.on("exit", (code) => {
    alive = false;
    closeAll(ledger);
    waiting?.reject(new Error(`the thread that reads TCP sockets died (${why === "" ? `code ${code}` : why})`));
  });
  const end = () => {
    alive = false;
    return worker.terminate();
  };
  const answer = (asked: readonly Asked[], signal: AbortSignal) =>
    new Promise<readonly Reading[]>((resolve, reject) => {
      const request: Request = { id: ++lastId, asked };
      waiting = { id: request.id, resolve, reject };
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      worker.postMessage(request, []);
    });
  return {
    ask: async (asked, signal) => {
      worker.ref();
      try {
        return await answer(asked, signal);
      } catch (error) {
        void end();
        throw error;
      } finally {
        waiting = undefined;
        worker.unref();
      }
    },
    isAlive: () => alive,
    end,
  };
}

/** Sockets that the C library opened are not known to Node: nobody else would close them. */
function closeAll(ledger: Ledger): void {
  for (const socket of ledger) if (socket !== -1) closeSync(socket);
}
