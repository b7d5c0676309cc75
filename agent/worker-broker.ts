import { openBroker } from "../dispatch/nats/connection.ts";
import { openJobSource } from "../dispatch/nats/job-source.ts";
import { hostKeyOf } from "../dispatch/nats/subjects.ts";
import type { Change, Worker } from "../dispatch/worker/worker.ts";
import { brokerOptions, gatewayKeysOf } from "./broker.ts";
import type { Config } from "./config/schema.ts";
import type { Log } from "./log.ts";
import { version } from "./version.ts";

export interface FleetSide {
  /** Tells the gateway. */
  readonly change: (change: Change) => void;
  readonly close: () => Promise<void>;
}

/**
 * Jobs for this host through the broker, beside those at its own socket: gives what begins to take them. Throws
 * `ConfigError`.
 */
export async function fleetFor(config: Config, host: string, log: Log): Promise<(worker: Worker) => FleetSide> {
  const options = brokerOptions(config, hostKeyOf(host));
  const gatewayKeys = gatewayKeysOf(config);
  const own = { version: await version(), mode: config.worker.mode };
  const onTrouble = (what: string) => log.warn(what);
  return (worker) => {
    const broker = openBroker({ ...options, onChange: (change, isWell) => log[isWell ? "info" : "warn"](change) });
    const source = openJobSource({ broker, host, gatewayKeys, worker, presence: () => own, onTrouble });
    return {
      change: ({ record: { job, state, message, since } }) =>
        source.tell({ v: 1, id: job.id, trace: job.trace, state, message: message.slice(0, 2000), at: since }),
      close: source.close,
    };
  };
}
