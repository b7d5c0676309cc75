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
  const again = (): void => void look().catch(() => undefined);
  const timer = setInterval(again, everyMs);
  again();
  return { hosts: () => size, close: () => clearInterval(timer) };
}
