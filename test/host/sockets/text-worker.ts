import { parentPort, workerData } from "node:worker_threads";
import { tableDumper } from "../../../host/sockets/dump-tables.ts";
import { answerer, type Request } from "../../../host/sockets/messages.ts";
import { namespaceReader } from "../../../host/sockets/reader.ts";
import { sharedIn } from "../../../host/sockets/thread-memory.ts";

/** The thread as it is on a machine without koffi. */
const shared = sharedIn(workerData);
const none = new Error("no koffi on this machine");
const readers = { sockets: namespaceReader(none, shared), tables: tableDumper(none, shared) };
shared.started();
const answer = answerer(readers);
parentPort?.on("message", (request: Request) => parentPort?.postMessage(answer(request), []));
