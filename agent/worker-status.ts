import type { z } from "zod";
import type { controlAnswer } from "../dispatch/local/protocol.ts";
import { isEnd } from "../dispatch/worker/record.ts";
import { printable } from "../emit/console/table.ts";
import { askWorker } from "./approve.ts";
import type { Config } from "./config/schema.ts";
import { UnavailableError } from "./exit-codes.ts";

type Told = Exclude<z.output<typeof controlAnswer>, { readonly error: string }>;

/** Undefined where none runs, or it does not answer this user. */
export async function workerStatus(config: Config): Promise<Told | undefined> {
  try {
    const answer = await askWorker(config, { v: 1, ask: "status" });
    return "error" in answer ? undefined : answer;
  } catch (error) {
    if (error instanceof UnavailableError) return undefined;
    throw error;
  }
}

/** `ago`: a moment as people say it. */
export function describeWorker({ host, mode, proved, jobs }: Told, ago: (then: number) => string): readonly string[] {
  const open = jobs.filter(({ state }) => !isEnd(state));
  const waiting = open.filter(({ state }) => state === "approval").length;
  const last = jobs.find(({ state }) => isEnd(state));
  return [
    `Worker (${printable(host)})`,
    `  ${mode}; ${proved === null ? "no page was seen to reach this host yet" : `a page was seen to reach it ${ago(proved)} ago`}`,
    `  ${open.length} jobs have no end yet, ${waiting} of them wait for \`overlaywatch approve\``,
    ...(last === undefined ? [] : [`  last: ${last.state} ${ago(last.since)} ago: ${printable(last.message)}`]),
    "",
  ];
}
