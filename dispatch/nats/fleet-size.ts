import { jetstreamManager } from "@nats-io/jetstream";
import type { Broker } from "./connection.ts";
import { stream } from "./subjects.ts";

export interface FleetSize {
  /** Hosts that have a place at the broker; undefined: it has not told yet. */
  readonly hosts: () => number | undefined;
  readonly close: () => void;
}

/** Asked now and then, and kept while the broker is away. */
export function watchFleetSize(broker: Broker, everyMs = 30_000): FleetSize {
  let size: number | undefined;
  const look = async (): Promise<void> => {
    const manager = await jetstreamManager(await broker.ready, { checkAPI: false, timeout: broker.timeoutMs });
    size = (await manager.streams.info(stream)).state.consumer_count;
  };
  // The first waits for the broker, however long; no other waits beside it.
  let looking: Promise<void> | undefined;
  const again = (): void => {
    looking ??= look()
      .catch(() => undefined)
      .finally(() => {
        looking = undefined;
      });
  };
  const timer = setInterval(() => {
    if (broker.isConnected()) again();
  }, everyMs);
  again();
  return { hosts: () => size, close: () => clearInterval(timer) };
}
