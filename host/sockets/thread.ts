import { closeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { Asked, Reading, Reply, Request } from "./messages.ts";
import { type Ledger, share } from "./thread-memory.ts";

/** The worker thread while it lives. */
export interface Thread {
  /** One at a time. Rejects when the thread dies, and when the signal is aborted: the thread is then ended. */
  readonly ask: (asked: readonly Asked[], signal: AbortSignal) => Promise<readonly Reading[]>;
  readonly isAlive: () => boolean;
  /** Resolves when it has ended and its sockets are closed; never where the kernel does not let go of it. */
  readonly end: () => Promise<unknown>;
}

interface Waiting {
  readonly id: number;
  readonly resolve: (readings: readonly Reading[]) => void;
  readonly reject: (error: unknown) => void;
}

export function startThread(program: URL): Thread {
  const shared = share();
  const worker = new Worker(program, { workerData: shared.buffer });
  let [alive, exited, lastId, why] = [true, false, 0, ""];
  let waiting: Waiting | undefined;
  let told: readonly Asked[] = [];
  // Only a question keeps the process from ending.
  worker.unref();
  worker.on("message", ({ id, readings }: Reply) => {
    if (waiting?.id === id) waiting.resolve(readings);
  });
  worker.on("error", (error) => void (why = error instanceof Error ? error.message : String(error)));
  worker.on("exit", (code) => {
    [alive, exited] = [false, true];
    closeAll(shared.ledger);
    waiting?.reject(new Error(`the thread that reads TCP sockets died (${why === "" ? `code ${code}` : why})`));
  });
  const mayEnd = () => exited || shared.isInterruptible();
  const end = async () => {
    alive = false;
    shared.stop();
    while (!mayEnd()) await sleep(5, undefined, { ref: false });
    await worker.terminate();
  };
  const answer = (asked: readonly Asked[], signal: AbortSignal) =>
    new Promise<readonly Reading[]>((resolve, reject) => {
      const request: Request = { id: ++lastId, ...(isSame(asked, told) ? {} : { asked }) };
      told = asked;
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

/** Most hosts have the same containers in each cycle: to copy their names into the thread costs more than to compare them. */
function isSame(one: readonly Asked[], other: readonly Asked[]): boolean {
  return (
    one.length === other.length &&
    one.every(({ key, folder }, at) => key === other[at]?.key && folder === other[at]?.folder)
  );
}
