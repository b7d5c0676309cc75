import { parentPort, workerData } from "node:worker_threads";
import { answerer, type Request } from "../../../host/sockets/messages.ts";
import { namespaceReader } from "../../../host/sockets/reader.ts";
import { sharedIn } from "../../../host/sockets/thread-memory.ts";

/** The thread as it is on a machine without koffi. */
const shared = sharedIn(workerData);
const read = namespaceReader(new Error("no koffi on this machine"), shared);
shared.started();
const answer = answerer(read);
parentPort?.on("message", (request: Request) => parentPort?.postMessage(answer(request), []));
