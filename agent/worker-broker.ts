import { openBroker } from "../dispatch/nats/connection.ts";
import type { Answers } from "../dispatch/nats/answering.ts";
import { openJobSource } from "../dispatch/nats/job-source.ts";
import { hostKeyOf } from "../dispatch/nats/subjects.ts";
import type { Helper } from "../dispatch/worker/ask-helper.ts";
import { fleetWord } from "../dispatch/worker/fleet-word.ts";
import type { Rules } from "../dispatch/worker/machine.ts";
import { hostStatusOf } from "../dispatch/worker/status.ts";
import type { Change, Worker } from "../dispatch/worker/worker.ts";
import { lane } from "../overlay/examine/lane.ts";
import { brokerOptions, gatewayKeysOf } from "./broker.ts";
import type { Config } from "./config/schema.ts";
import type { Log } from "./log.ts";
import { version } from "./version.ts";

/** What this host knows of itself beside its jobs. */
export interface Standing {
  /** Asks its helper. Why nothing is healed; null where it does not tell. Never rejects. */
  readonly stops: () => Promise<readonly string[] | null>;
  /** The same as it was last heard. */
  readonly lastStops: () => readonly string[] | null;
  /** They were heard otherwise. */
  readonly hearStops: (stops: readonly string[]) => void;
}

export interface FleetSide {
  /** Tells the gateway. */
  readonly change: (change: Change) => void;
  readonly close: () => Promise<void>;
}

interface Host {
  readonly host: string;
  readonly inForce: Rules["mode"];
  readonly helper: Helper;
  readonly log: Log;
}

/**
 * Jobs for this host through the broker, beside those at its own socket: gives what begins to take them. Throws
 * `ConfigError`.
 */
export async function fleetFor(config: Config, { host, inForce, helper, log }: Host) {
  const options = brokerOptions(config, hostKeyOf(host));
  const gatewayKeys = gatewayKeysOf(config);
  const own = { version: await version(), mode: config.worker.mode, inForce };
  const onTrouble = (what: string) => log.warn(what);
  const oneAtOnce = lane(1);
  return (worker: Worker, standing: Standing): FleetSide => {
    const broker = openBroker({ ...options, onChange: (change, isWell) => log[isWell ? "info" : "warn"](change) });
    const word = fleetWord(helper);
    const presence = () => {
      const [paused, kept] = [(standing.lastStops() ?? []).length > 0, word.kept()];
      return { ...own, paused, ...(kept !== undefined && { fleetUntil: kept }) };
    };
    const told = async (work: Promise<readonly string[]>) => {
      const stops = await work;
      standing.hearStops(stops);
      // The gateway sees by it that it need not say that again.
      source.sayPresence();
      return { paused: [...stops] };
    };
    const answers: Answers = {
      status: async () => {
        const paused = await standing.stops();
        const known = { host, ...own, proved: worker.proved ?? null, paused: paused === null ? null : [...paused] };
        return hostStatusOf(known, worker.records());
      },
      pause: (pause) => told(word.pause(pause)),
      resume: (resume) => told(word.resume(resume)),
      tables: async (trace, signal) =>
        oneAtOnce(async () => {
          await worker.turn(signal);
          return helper.tables(trace);
        }),
    };
    const source = openJobSource({ broker, host, gatewayKeys, worker, answers, presence, onTrouble });
    return {
      change: ({ record: { job, state, message, since } }) => {
        const { id, trace, alert } = job;
        const byItself = alert === undefined ? ({ own: true } as const) : {};
        source.tell({ v: 1, id, trace, state, message: message.slice(0, 2000), at: since, ...byItself });
      },
      close: source.close,
    };
  };
}
