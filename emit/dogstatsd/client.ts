import { getSystemErrorName } from "node:util";
import { StatsD } from "hot-shots";
import type { Transport } from "./transport.ts";
import type { WireEntry, WireEvent, WireMetric } from "./wire-entry.ts";

export interface WireClient {
  /** Sends the entries as one datagram; they must fit. What went wrong comes back, it is never thrown. */
  readonly deliver: (entries: readonly WireEntry[]) => Promise<Error | undefined>;
  readonly close: () => Promise<void>;
}

export interface ClientOptions {
  readonly transport: Transport;
  readonly globalTags: string[];
  /** Whether hot-shots adds its own `datadog.dogstatsd.client.*`, which are not billed. */
  readonly telemetry: boolean;
  readonly onError: (error: Error) => void;
}

/** A datagram that no router needs to split; and the agent's buffer, which no datagram should exceed. */
export const MAX_DATAGRAM_BYTES = { udp: 1432, uds: 8192 } as const;

/** unix-dgram's own code for a receiver that does not read fast enough (EAGAIN). */
const CONGESTION = 1;

/**
 * The one hot-shots client. It is asked to flush after each datagram, so that the answer tells which samples were lost;
 * its own clock never has anything to send.
 */
export function openClient({ transport, globalTags, telemetry, onError }: ClientOptions): WireClient {
  const client = new StatsD({
    ...destination(transport),
    maxBufferSize: MAX_DATAGRAM_BYTES[transport.kind],
    bufferFlushInterval: 60_000,
    globalTags,
    // Environment variables would win over the configuration; they are resolved before, with the right precedence.
    includeDataDogTags: false,
    // Would append `c:`, and `e:` and `card:` from DD_EXTERNAL_ENV and DD_CARDINALITY: this process is not the subject.
    datadog: false,
    originDetection: false,
    includeDatadogTelemetry: telemetry,
    closingFlushInterval: 100,
    errorHandler: (error) => {
      onError(readable(error));
    },
  });
  return {
    deliver: async (entries) => {
      const error = await send(client, entries);
      if (transport.kind === "udp" || error === undefined || codeOf(error) === CONGESTION)
        return error && readable(error);
      // hot-shots reconnects while it reports a failure, and what it failed to send is lost: the second try goes through.
      const again = await send(client, entries);
      return again && readable(error);
    },
    close: () =>
      new Promise((resolve) => {
        client.close(() => {
          resolve();
        });
      }),
  };
}

/** Host and port, or path, are always given, for else hot-shots looks for them in the environment. */
function destination(transport: Transport) {
  if (transport.kind === "udp") return { protocol: "udp", host: transport.host, port: transport.port } as const;
  return {
    protocol: "uds",
    path: transport.path,
    // 400 ms in all: an agent that does not read for longer costs a datagram, not the end of the program.
    udsRetryOptions: { retries: 4, retryDelayMs: 10, backoffFactor: 3, maxRetryDelayMs: 270 },
    udsGracefulRestartRateLimit: 200,
  } as const;
}

function send(client: StatsD, entries: readonly WireEntry[]): Promise<Error | undefined> {
  for (const entry of entries) put(client, entry);
  return new Promise((resolve) => {
    client.flush((error) => {
      resolve(error ?? undefined);
    });
  });
}

function put(client: StatsD, entry: WireEntry): void {
  if (entry.kind === "check") client.check(entry.name, entry.status, { message: entry.message }, entry.tags);
  else if (entry.kind === "event") putEvent(client, entry);
  else if (entry.at !== undefined) putAt(client, entry, entry.at);
  else if (entry.kind === "count") client.increment(entry.name, entry.value, 1, entry.tags);
  else client.gauge(entry.name, entry.value, 1, entry.tags);
}

function putEvent(client: StatsD, { title, text, alertType, aggregationKey, tags }: WireEvent): void {
  const key = aggregationKey === "" ? {} : { aggregation_key: aggregationKey };
  client.event(title, text, { alert_type: alertType, ...key }, tags);
}

function putAt(client: StatsD, { kind, name, value, tags }: WireMetric, timestamp: number): void {
  const options = { sampleRate: 1, tags, timestamp };
  if (kind === "count") client.increment(name, value, options);
  else client.gauge(name, value, options);
}

function codeOf(error: Error): unknown {
  return "code" in error ? error.code : undefined;
}

/** hot-shots wraps twice, and unix-dgram says `connect -2`. */
function readable(error: Error): Error {
  const text = error.message
    .replace(/^Error sending hot-shots message: (?:Error: )?/, "")
    .replace(
      /^(connect|send) (-\d+)$/,
      (_, call: string, code: string) => `${call} ${getSystemErrorName(Number(code))}`,
    );
  return text === error.message ? error : new Error(text, { cause: error });
}
