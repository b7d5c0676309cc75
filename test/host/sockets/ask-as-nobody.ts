import { procfs } from "../../../host/procfs.ts";
import { liveSockets } from "../../../host/sockets/live.ts";

/** Run by rights.test.ts as a user without rights: prints what it reads of a process, and what it has to say. */
const sockets = liveSockets({ log: (level, message) => void process.stdout.write(`${level} ${message}\n`) });
const handle = procfs().open(Number(process.argv[2]));
for (let cycle = 0; cycle < 2; cycle++) {
  const reading = (await sockets.tcpStates([{ key: "it", process: handle }], new AbortController().signal)).get("it");
  process.stdout.write(`${reading instanceof Error ? reading.message : JSON.stringify(reading)}\n`);
}
await sockets.close();
