import { randomBytes } from "node:crypto";
import { episodes } from "../dispatch/worker/episodes.ts";
import { localHandOver } from "../dispatch/local/hand-over.ts";
import type { Io } from "./command.ts";
import { milliseconds } from "./config/milliseconds.ts";
import type { Config } from "./config/schema.ts";
import { errorText } from "./error-text.ts";
import type { Healing } from "./heal.ts";
import { hostIdentity } from "./identity.ts";
import type { Log } from "./log.ts";

interface Environment {
  readonly config: Config;
  /** This host's name in Datadog. */
  readonly host: string;
  readonly log: Log;
}

/** Milliseconds: before a worker that did not answer is asked again, and how long a job may wait to be begun. */
const [askAgain, validFor] = [1000, 45_000];

/** Throws `NoIdentity`. */
export async function ownTrigger(config: Config, env: Io["env"], log: Log): Promise<Healing> {
  const { host } = await hostIdentity(config, env);
  return openOwnTrigger({ config, host, log });
}

/**
 * The host's own trigger: what the pipeline or a collector sees is offered to the worker as a job, without Datadog. It needs
 * no right but to reach the worker's socket; the helper finds out by itself what is active.
 */
export function openOwnTrigger({ config, host, log }: Environment): Healing {
  const handOver = localHandOver(config.worker.jobs_socket);
  const faults = episodes(host, gapOf(config));
  let again: NodeJS.Timeout | undefined;
  let [busy, last]: [Promise<void> | undefined, ReturnType<Healing["state"]>["last"]] = [undefined, undefined];
  const offer = async (id: string): Promise<void> => {
    const at = Date.now();
    const trace = randomBytes(16).toString("hex");
    try {
      const receipt = await handOver.offer({ v: 1, id, trace, host, at, notAfter: at + validFor });
      last = { at, outcome: receipt.answer, changes: 0 };
      const isTaken = receipt.answer === "accepted" || receipt.answer === "duplicate";
      const said = `the worker was asked: ${receipt.answer}, trace ${receipt.trace}`;
      if (isTaken) log.info(`heal: ${said}`);
      else log.warn(`heal: ${said}`, "own trigger");
      if (isTaken) faults.offered(at);
      else again = setTimeout(retry, askAgain);
    } catch (error) {
      log.warn(`heal: ${errorText(error)}`, "own trigger");
      again = setTimeout(retry, askAgain);
    }
  };
  const see = (): void => ask(faults.seen(Date.now()));
  // That is no sighting: a fault that has ended meanwhile is not offered.
  function retry(): void {
    ask(faults.wanted(Date.now()));
  }
  function ask(id: string | undefined): void {
    if (id === undefined || busy !== undefined) return;
    clearTimeout(again);
    busy = offer(id).finally(() => {
      busy = undefined;
    });
  }
  return {
    misplaced: see,
    found: ({ findings }) => {
      if (findings?.found.some(({ finding }) => finding.state === "active") === true) see();
    },
    state: () => ({ mode: "worker", ...(last !== undefined && { last }) }),
    close: async () => {
      await busy;
      clearTimeout(again);
      await handOver.close();
    },
  };
}

/** A fault that lasts is told again every 10 s by the recorder, and at their intervals by follower and collector. */
function gapOf({ pipeline, collectors }: Config): number {
  const { interval = "10s" } = collectors["overlay"] ?? {};
  return 1.5 * Math.max(10_000, milliseconds(pipeline.follow.interval), milliseconds(interval));
}
