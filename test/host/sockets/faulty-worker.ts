import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { loadLibc } from "../../../host/sockets/libc.ts";
import { sharedIn } from "../../../host/sockets/thread-memory.ts";

/** The thread with the fault that a file names when it is started; the true one without. */
const name = readFileSync(join(tmpdir(), `overlaywatch-fault-${process.pid}`), "utf8");
if (name === "") await import("../../../host/sockets/worker.ts");
else await beFaulty();

async function beFaulty(): Promise<void> {
  const shared = sharedIn(workerData);
  const libc = await loadLibc(shared);
  const faults: Readonly<Record<string, () => void>> = {
    spin: () => {
      for (;;);
    },
    /** In the kernel, as a dump might: nothing can end it there. */
    hang: () => void shared.inOnePiece(() => (libc instanceof Error ? 0 : libc.poll(-1, 2000))),
    silence: () => undefined,
    throw: () => {
      throw new Error("out of order");
    },
    exit: () => process.exit(3),
    empty: () => parentPort?.postMessage({ id: 1, readings: [] }, []),
  };
  shared.started();
  parentPort?.on("message", () => faults[name]?.());
}
