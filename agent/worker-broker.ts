import type { KeyObject } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type Broker, openBroker } from "../dispatch/nats/connection.ts";
import type { Answers } from "../dispatch/nats/answering.ts";
import { openJobSource } from "../dispatch/nats/job-source.ts";
import type { Presence } from "../dispatch/nats/protocol.ts";
import { hostKeyOf } from "../dispatch/nats/subjects.ts";
import type { Helper } from "../dispatch/worker/ask-helper.ts";
import { type FleetWord, fleetWord, holding } from "../dispatch/worker/fleet-word.ts";
import type { Rules } from "../dispatch/worker/machine.ts";
import { forPauses, pace } from "../dispatch/worker/pace.ts";
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

/** What a worker of a fleet has. */
export interface Joining extends Pick<FleetWord, "hold"> {
  /** In place of the helper itself. */
  readonly helper: Helper;
  /** Begins to take jobs. */
  readonly join: (worker: Worker, standing: Standing) => FleetSide;
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

/** Jobs for this host through the broker, beside those at its own socket. Throws `ConfigError`. */
export async function fleetFor(config: Config, host: Host): Promise<Joining> {
  const options = brokerOptions(config, hostKeyOf(host.host));
  const gatewayKeys = gatewayKeysOf(config);
  const own = { version: await version(), mode: config.worker.mode, inForce: host.inForce };
  let hear: ((stops: readonly string[]) => void) | undefined;
  const word = fleetWord({ helper: host.helper, pace: pace(forPauses), onKept: (stops) => hear?.(stops) });
  return {
    hold: word.hold,
    helper: holding(host.helper, word),
    join: (worker, standing) => {
      const { log } = host;
      const broker = openBroker({ ...options, onChange: (change, isWell) => log[isWell ? "info" : "warn"](change) });
      const parts = { broker, gatewayKeys, own, word, worker, standing, host };
      const { source, heard } = sourceFor(parts);
      hear = heard;
      return {
        change: ({ record: { job, state, message, since } }) => {
          const { id, trace, alert } = job;
          const byItself = alert === undefined ? ({ own: true } as const) : {};
          source.tell({ v: 1, id, trace, state, message: message.slice(0, 2000), at: since, ...byItself });
        },
        close: source.close,
      };
    },
  };
}

interface SourceParts {
  readonly broker: Broker;
  readonly gatewayKeys: readonly KeyObject[];
  readonly own: Pick<Presence, "version" | "mode" | "inForce">;
  readonly word: FleetWord;
  readonly worker: Worker;
  readonly standing: Standing;
  readonly host: Host;
}

function sourceFor({ broker, gatewayKeys, own, word, worker, standing, host: { host, helper, log } }: SourceParts) {
  const oneAtOnce = lane(1);
  const presence = () => {
    const isPaused = (standing.lastStops() ?? []).length > 0 || word.stop() !== undefined;
    // On a new connection the gateway is to say it anew.
    const kept = word.isHeard() ? word.kept() : undefined;
    return { ...own, paused: isPaused, ...(kept !== undefined && { fleetUntil: kept }) };
  };
  const heard = (stops: readonly string[]): void => {
    standing.hearStops(stops);
    // The gateway sees by it that it need not say that again.
    source.sayPresence();
  };
  const told = async (work: Promise<readonly string[] | undefined>) => {
    const stops = await work;
    if (stops === undefined) source.sayPresence();
    else heard(stops);
    return { paused: [...(stops ?? standing.lastStops() ?? [])] };
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
  const onTrouble = (what: string) => log.warn(what);
  const onConnected = () => {
    word.connected();
    void sayUntilHeard();
  };
  const source = openJobSource({ broker, host, gatewayKeys, worker, answers, presence, onConnected, onTrouble });
  /** The gateway may be connected a moment later, and hears it then. */
  const sayUntilHeard = async (): Promise<void> => {
    for (;;) {
      await sleep(1000, undefined, { ref: false });
      if (word.isHeard()) return;
      source.sayPresence();
    }
  };
  return { source, heard };
}
