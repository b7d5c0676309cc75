import { isEnd } from "../dispatch/worker/record.ts";
import { printable } from "../emit/console/table.ts";
import type { Config } from "./config/schema.ts";
import { askWorker } from "./worker-socket.ts";

type Told = Awaited<ReturnType<typeof askWorker>>;

/** Undefined where none runs, or it does not answer this user. */
export async function workerStatus({ worker }: Config): Promise<Told | undefined> {
  return askWorker(worker.control_socket, { v: 1, ask: "status" }).catch(() => undefined);
}

/** `ago`: a moment as people say it. */
export function describeWorker(
  { host, mode, inForce, proved, jobs }: Told,
  ago: (then: number) => string,
): readonly string[] {
  const open = jobs.filter(({ state }) => !isEnd(state));
  const waiting = open.filter(({ state }) => state === "approval").length;
  const last = jobs.find(({ state }) => isEnd(state));
  const staged = inForce === mode ? "" : `, in force: ${inForce}`;
  return [
    `Worker (${printable(host)})`,
    `  ${mode}${staged}; ${proved === null ? "no page was seen to reach this host yet" : `a page was seen to reach it ${ago(proved)} ago`}`,
    `  ${open.length} jobs have no end yet, ${waiting} of them wait for \`overlaywatch approve\``,
    ...(last === undefined ? [] : [`  last: ${last.state} ${ago(last.since)} ago: ${printable(last.message)}`]),
    "",
  ];
}
