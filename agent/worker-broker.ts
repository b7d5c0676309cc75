import { openBroker } from "../dispatch/nats/connection.ts";
import { type JobSource, openJobSource } from "../dispatch/nats/job-source.ts";
import { hostKeyOf } from "../dispatch/nats/subjects.ts";
import type { Worker } from "../dispatch/worker/worker.ts";
import { brokerOptions, gatewayKeysOf } from "./broker.ts";
import type { Config } from "./config/schema.ts";
import type { Log } from "./log.ts";
import { version } from "./version.ts";

/**
 * Jobs for this host through the broker, beside those at its own socket: gives what begins to take them. Throws
 * `ConfigError`.
 */
export async function fleetFor(config: Config, host: string, log: Log): Promise<(worker: Worker) => JobSource> {
  const options = brokerOptions(config, hostKeyOf(host));
  const gatewayKeys = gatewayKeysOf(config);
  const own = { version: await version(), mode: config.worker.mode };
  return (worker) => {
    const broker = openBroker({ ...options, onChange: (change) => log.warn(change) });
    return openJobSource({
      broker,
      host,
      gatewayKeys,
      worker,
      presence: () => own,
      onTrouble: (what) => log.warn(what),
    });
  };
}
