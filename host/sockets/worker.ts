import { parentPort, workerData } from "node:worker_threads";
import { tableDumper } from "./dump-tables.ts";
import { loadLibc } from "./libc.ts";
import { answerer, type Request } from "./messages.ts";
import { namespaceReader } from "./reader.ts";
import { sharedIn } from "./thread-memory.ts";

/** The thread that enters network namespaces, and the only one. What it can not catch ends it; the next cycle starts another. */
const shared = sharedIn(workerData);
const libc = await loadLibc(shared);
const answer = answerer({ sockets: namespaceReader(libc, shared), tables: tableDumper(libc, shared) });
shared.started();
parentPort?.on("message", (request: Request) => parentPort?.postMessage(answer(request), []));
