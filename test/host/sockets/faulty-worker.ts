import koffi from "koffi";
import { parentPort } from "node:worker_threads";

/** The thread with the fault that `OVERLAYWATCH_TEST_FAULT` names when it is started; the true one without. */
const faults: Readonly<Record<string, () => void>> = {
  spin: () => {
    for (;;);
  },
  sleep: () => void koffi.load(null).func("unsigned int sleep(unsigned int)")(2),
  silence: () => undefined,
  throw: () => {
    throw new Error("out of order");
  },
  exit: () => process.exit(3),
  empty: () => parentPort?.postMessage({ id: 1, readings: [] }, []),
};

const fault = faults[process.env["OVERLAYWATCH_TEST_FAULT"] ?? ""];
if (fault === undefined) await import("../../../host/sockets/worker.ts");
else parentPort?.on("message", fault);
