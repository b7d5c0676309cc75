import { parentPort, workerData } from "node:worker_threads";
import type { Ledger, Request } from "../../../host/sockets/messages.ts";
import { namespaceReader } from "../../../host/sockets/reader.ts";

/** The thread as it is on a machine without koffi. */
const shared: unknown = workerData;
if (!(shared instanceof SharedArrayBuffer)) throw new TypeError("no ledger");
const ledger: Ledger = new Int32Array(shared);
const read = namespaceReader(new Error("no koffi on this machine"), ledger);
parentPort?.on("message", ({ id, asked }: Request) => parentPort?.postMessage({ id, readings: read(asked) }, []));
