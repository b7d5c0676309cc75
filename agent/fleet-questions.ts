import { type Fleet, openFleet } from "../dispatch/nats/ask.ts";
import { connectOnce } from "../dispatch/nats/connection.ts";
import { brokerOptions, signingKeyOf } from "./broker.ts";
import { milliseconds } from "./config/milliseconds.ts";
import type { Config } from "./config/schema.ts";
import { errorText } from "./error-text.ts";
import { ConfigError, UnavailableError } from "./exit-codes.ts";

/**
 * Asks the hosts of the fleet, on the gateway's machine: by its seed and its key, with a connection of its own. `withinMs`: that
 * each host has to answer, `broker.timeout` unless told. Throws `ConfigError` where this is not that machine, `UnavailableError`
 * where the broker does not answer.
 */
export async function fleetQuestions(config: Config, withinMs = milliseconds(config.broker.timeout)): Promise<Fleet> {
  const { servers, seed_file: seed, signing_key_file: key } = config.broker;
  if (servers.length === 0 || seed === "" || key === "")
    throw new ConfigError(
      "a fleet is asked on its gateway's machine: there, broker.servers, broker.seed_file and broker.signing_key_file are set",
    );
  const signingKey = signingKeyOf(config);
  const options = brokerOptions(config, "gateway");
  const connection = await reached(() => connectOnce(options));
  const fleet = openFleet({ connection, signingKey, withinMs });
  return {
    hosts: async () => reached(fleet.hosts),
    status: async (hosts, signal) => reached(() => fleet.status(hosts, signal)),
    tables: async (hosts, signal) => reached(() => fleet.tables(hosts, signal)),
    pause: async (hosts, pause, signal) => reached(() => fleet.pause(hosts, pause, signal)),
    resume: async (hosts, signal) => reached(() => fleet.resume(hosts, signal)),
    close: async () => {
      await fleet.close();
      await connection.close();
    },
  };
}

async function reached<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new UnavailableError(`the fleet can not be asked: ${errorText(cause)}`, { cause });
  }
}
