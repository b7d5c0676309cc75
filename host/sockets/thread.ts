import { closeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { TablesAsked } from "../rtnetlink/request.ts";
import { messageOf } from "../thrown.ts";
import type { Asked, Fault, Reading, Reply, Request } from "./messages.ts";
import { type Ledger, share } from "./thread-memory.ts";

/** The worker thread while it lives. */
export interface Thread {
  /** One at a time. Rejects when the thread dies, and when the signal is aborted: the thread is then ended. */
  readonly ask: (asked: readonly Asked[], signal: AbortSignal) => Promise<readonly Reading[]>;
  /** The same, for tables of a namespace: as they came, by kind. */
  readonly tables: (asked: TablesAsked, signal: AbortSignal) => Promise<readonly Uint8Array[] | Fault>;
  readonly isAlive: () => boolean;
  /** Resolves when it has ended and its sockets are closed; never where the kernel does not let go of it. */
  readonly end: () => Promise<unknown>;
}

interface Waiting {
  readonly id: number;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

export function startThread(program: URL): Thread {
  const shared = share();
  const worker = new Worker(program, { workerData: shared.buffer });
  let [alive, exited, lastId, why] = [true, false, 0, ""];
  let told: readonly Asked[] = [];
  // Only a question keeps the process from ending.
  worker.unref();
  worker.on("error", (error) => void (why = messageOf(error)));
  const answered = questions(worker, (code) => {
    [alive, exited] = [false, true];
    closeAll(shared.ledger);
    return new Error(`the thread that enters namespaces died (${why === "" ? `code ${code}` : why})`);
  });
  const mayEnd = () => exited || shared.isInterruptible();
  const end = async () => {
    alive = false;
    shared.stop();
    while (!mayEnd()) await sleep(5, undefined, { ref: false });
    await worker.terminate();
  };
  const answer = async (request: Request, signal: AbortSignal): Promise<Reply> => {
    worker.ref();
    try {
      return await answered(request, signal);
    } catch (error) {
      void end();
      throw error;
    } finally {
      worker.unref();
    }
  };
  return {
    ask: async (asked, signal) => {
      const request = { id: ++lastId, ...(isSame(asked, told) ? {} : { asked }) };
      told = asked;
      const reply = await answer(request, signal);
      return "readings" in reply ? reply.readings : [];
    },
    tables: async (asked, signal) => {
      const reply = await answer({ id: ++lastId, tables: asked }, signal);
      return "tables" in reply ? reply.tables : { fault: "it was not answered for", gone: false };
    },
    isAlive: () => alive,
    end,
  };
}

/** One question at a time. `onExit` tells what the one that waits then is rejected with. */
function questions(worker: Worker, onExit: (code: number) => Error) {
  let waiting: Waiting | undefined;
  worker.on("message", (reply: Reply) => {
    if (waiting?.id === reply.id) waiting.resolve(reply);
  });
  worker.on("exit", (code) => {
    const error = onExit(code);
    waiting?.reject(error);
  });
  return async (request: Request, signal: AbortSignal): Promise<Reply> => {
    try {
      return await new Promise<Reply>((resolve, reject) => {
        waiting = { id: request.id, resolve, reject };
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        worker.postMessage(request, []);
      });
    } finally {
      waiting = undefined;
    }
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
