import { setTimeout as sleep } from "node:timers/promises";
import { connect, type NatsConnection, nkeyAuthenticator, type NodeConnectionOptions } from "@nats-io/transport-node";
import { messageOf } from "../../host/thrown.ts";

export interface BrokerOptions {
  /** `nats://HOST:PORT` or `tls://HOST:PORT`, of one kind. */
  readonly servers: readonly string[];
  /** An nkey: `SU...`. */
  readonly seed: string;
  /** PEM, where the servers' are not signed by who everybody trusts, and where they ask for one of ours. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Who we are, for the broker's own monitoring. */
  readonly name: string;
  /** Where answers to this client arrive: nobody else may listen there. */
  readonly inboxPrefix: string;
  /** Milliseconds for one question. */
  readonly timeoutMs: number;
  /** The connection came, or went and why. Once for each change. */
  readonly onChange: (change: string, isWell: boolean) => void;
}

export interface Broker {
  readonly timeoutMs: number;
  /** Resolves at the first connection, which then mends itself; rejects at `close`. */
  readonly ready: Promise<NatsConnection>;
  readonly isConnected: () => boolean;
  readonly close: () => Promise<void>;
}

/** Tries until it is closed, also where the broker is not there yet, or does not know us (yet, or any more). */
export function openBroker(options: BrokerOptions): Broker {
  const closing = new AbortController();
  const state = { isConnected: false };
  const say = changes(options.onChange);
  const ready = connectAtLast(options, say, closing.signal);
  void ready.then(
    (connection) => follow(connection, state, say),
    () => undefined,
  );
  return {
    timeoutMs: options.timeoutMs,
    ready,
    isConnected: () => state.isConnected,
    close: async () => {
      closing.abort();
      const connection = await ready.catch(() => undefined);
      await connection?.close();
    },
  };
}

/** For one question, such as an operator's. Throws an Error that says why there is no connection. */
export async function connectOnce(options: Omit<BrokerOptions, "onChange">): Promise<NatsConnection> {
  try {
    return await connect({ ...connectOptions(options), reconnect: false });
  } catch (cause) {
    throw new Error(`no connection to the broker at ${options.servers.join(", ")}`, { cause });
  }
}

async function connectAtLast(
  options: BrokerOptions,
  say: (change: string) => void,
  signal: AbortSignal,
): Promise<NatsConnection> {
  for (;;) {
    try {
      const connection = await connect(connectOptions(options));
      if (!signal.aborted) return connection;
      await connection.close();
    } catch (error) {
      say(`no connection to the broker: ${messageOf(error)}`);
    }
    await sleep(jitter(1000), undefined, { signal });
  }
}

/** Hosts that lost the broker at the same moment do not come back at the same. */
const jitter = (ms: number): number => ms * (0.75 + Math.random() / 2);

function connectOptions(options: Omit<BrokerOptions, "onChange">): NodeConnectionOptions {
  const { servers, seed, ca, cert, key, name, inboxPrefix, timeoutMs } = options;
  const isTls = servers.some((one) => one.startsWith("tls://"));
  return {
    servers: [...servers],
    authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
    // With `tls` the client breaks off where the server does not offer it.
    ...(isTls && { tls: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) } }),
    name,
    inboxPrefix,
    timeout: timeoutMs,
    maxReconnectAttempts: -1,
    reconnectDelayHandler: () => jitter(1000),
    // A server that is being reloaded, or a key that is not copied yet: nobody has to restart us afterwards.
    ignoreAuthErrorAbort: true,
    // Of the servers that it was told: what a broker says of others is not believed.
    ignoreClusterUpdates: true,
    pingInterval: 10_000,
    maxPingOut: 2,
  };
}

async function follow(
  connection: NatsConnection,
  state: { isConnected: boolean },
  say: (change: string) => void,
): Promise<void> {
  state.isConnected = true;
  say(connected);
  for await (const status of connection.status()) {
    if (status.type === "disconnect" || status.type === "close") state.isConnected = false;
    if (status.type === "reconnect") state.isConnected = true;
    if (status.type === "disconnect") say("the connection to the broker is lost");
    if (status.type === "reconnect") say(connected);
    if (status.type === "error") say(`the broker says: ${status.error.message}`);
  }
}

const connected = "connected to the broker";

/** What is tried again each second is told when it changes. */
function changes(onChange: BrokerOptions["onChange"]): (change: string) => void {
  let last = "";
  return (change) => {
    if (change !== last) onChange(change, change === connected);
    last = change;
  };
}
