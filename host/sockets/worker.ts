import { parentPort, workerData } from "node:worker_threads";
import { loadLibc } from "./libc.ts";
import type { Ledger, Reply, Request } from "./messages.ts";
import { namespaceReader } from "./reader.ts";

/** The thread that enters network namespaces, and the only one. What it can not catch ends it; the next cycle starts another. */
const shared: unknown = workerData;
if (!(shared instanceof SharedArrayBuffer)) throw new TypeError("the worker needs the memory of its ledger");
const ledger: Ledger = new Int32Array(shared);
const read = namespaceReader(await loadLibc(), ledger);
parentPort?.on("message", ({ id, asked }: Request) => {
  const reply: Reply = { id, readings: read(asked) };
  parentPort?.postMessage(reply, []);
});
