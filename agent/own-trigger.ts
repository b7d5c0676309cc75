import { randomBytes } from "node:crypto";
import { episodes } from "../dispatch/worker/episodes.ts";
import { localHandOver } from "../dispatch/local/hand-over.ts";
import type { Config } from "./config/schema.ts";
import { errorText } from "./error-text.ts";
import type { Healing } from "./heal.ts";
import type { Log } from "./log.ts";

interface Environment {
  readonly config: Config;
  /** This host's name in Datadog. */
  readonly host: string;
  /** Whether somebody is misplaced now, by this process's half of the pipeline. */
  readonly misplaced: () => boolean;
  readonly log: Log;
}

/** Milliseconds: how often is looked whether a fault lasts, and how long a job may wait to be begun. */
const [watchEvery, validFor] = [1000, 45_000];

/**
 * The host's own trigger: what the pipeline or a collector sees is offered to the worker as a job, without Datadog. It needs
 * no right but to reach the worker's socket; the helper finds out by itself what is active.
 */
export function openOwnTrigger({ config, host, misplaced, log }: Environment): Healing {
  const handOver = localHandOver(config.worker.jobs_socket);
  const faults = episodes(host);
  let [busy, last]: [Promise<void> | undefined, ReturnType<Healing["state"]>["last"]] = [undefined, undefined];
  const offer = async (id: string): Promise<void> => {
    const at = Date.now();
    const trace = randomBytes(16).toString("hex");
    try {
      const receipt = await handOver.offer({ v: 1, id, trace, host, at, notAfter: at + validFor });
      faults.offered(at);
      last = { at, outcome: receipt.answer, changes: 0 };
      const isTaken = receipt.answer === "accepted" || receipt.answer === "duplicate";
      const said = `the worker was asked: ${receipt.answer}, trace ${receipt.trace}`;
      if (isTaken) log.info(`heal: ${said}`);
      else log.warn(`heal: ${said}`, "own trigger");
    } catch (error) {
      // The next look tries again.
      log.warn(`heal: ${errorText(error)}`, "own trigger");
    }
  };
  const see = (): void => {
    const id = busy === undefined ? faults.seen(Date.now()) : undefined;
    if (id === undefined) return;
    busy = offer(id).finally(() => {
      busy = undefined;
    });
  };
  const timer = setInterval(() => {
    if (misplaced()) see();
  }, watchEvery);
  return {
    misplaced: see,
    found: ({ findings }) => {
      if (findings?.found.some(({ finding }) => finding.state === "active") === true) see();
    },
    state: () => ({ mode: "worker", ...(last !== undefined && { last }) }),
    close: async () => {
      clearInterval(timer);
      await busy;
      await handOver.close();
    },
  };
}
