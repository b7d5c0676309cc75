import type { EventDraft } from "../event.ts";
import type { Sink, SinkStats } from "../sink.ts";
import { MAX_DATAGRAM_BYTES, openClient } from "./client.ts";
import { openOutbox } from "./outbox.ts";
import type { CheckStatus } from "./parse-check.ts";
import { BadSetting, type Transport } from "./transport.ts";
import { entryMaker, type ServiceCheckDetails } from "./wire-entry.ts";

export interface DogstatsdSinkOptions {
  readonly transport: Transport;
  /** Before each name, service checks too; ends in a dot. Default `overlaywatch.`; may be empty. */
  readonly prefix?: string;
  /** `key:value`, or a word; a sample's own tag of the same key replaces them. Default none. */
  readonly globalTags?: readonly string[];
  /** hot-shots' metrics about itself, `datadog.dogstatsd.client.*`. Default false. */
  readonly telemetry?: boolean;
  /** Samples that may wait to be sent. Default 20000. */
  readonly maxQueue?: number;
}

/**
 * `stats().samples` counts what was handed to the socket, service checks and events included. `dropped` has the reasons
 * `invalid_name`, `invalid_value` (not finite, a count below 0, or a time that is none), `too_long` (alone larger than a datagram),
 * `queue_full`, `transport` (the send failed) and `closed`.
 */
export interface DogstatsdSink extends Sink {
  readonly serviceCheck: (name: string, status: CheckStatus, details?: ServiceCheckDetails) => void;
  readonly event: (event: EventDraft) => void;
}

/** The agent would add this program's own container tags to what is said about others; this tag turns that off. */
const NO_ENRICHMENT = "dd.internal.card:none";
const MAX_QUEUE = 20_000;
const PREFIX = /^(?:[a-zA-Z][a-zA-Z0-9_.]*\.)?$/;
/** One failure is reported several times over; its first report names the cause. */
const ERROR_WINDOW_MS = 1_000;

/** Samples to a DogStatsD server by hot-shots. Throws `BadSetting` on a bad prefix; later it only counts. */
export function dogstatsdSink(options: DogstatsdSinkOptions): DogstatsdSink {
  const { transport, prefix = "overlaywatch.", globalTags = [], telemetry = false, maxQueue = MAX_QUEUE } = options;
  if (!PREFIX.test(prefix)) {
    throw new BadSetting("prefix", `${JSON.stringify(prefix)} does not start with a letter and end in a dot`);
  }
  const ledger = newLedger(transport);
  const entries = entryMaker(prefix, [...globalTags, NO_ENRICHMENT], MAX_DATAGRAM_BYTES[transport.kind]);
  const client = openClient({ transport, globalTags: entries.globalTags, telemetry, onError: ledger.onError });
  const outbox = openOutbox({ client, kind: transport.kind, maxQueue, onDrop: ledger.onDrop, onError: ledger.onError });
  const put = (entry: ReturnType<typeof entries.metric | typeof entries.check | typeof entries.event>): void => {
    if (typeof entry === "string") ledger.onDrop(entry, 1);
    else outbox.put(entry);
  };
  return {
    name: "dogstatsd",
    write: (samples) => {
      for (const sample of samples) put(entries.metric(sample));
    },
    serviceCheck: (name, status, details = {}) => {
      put(entries.check(name, status, details));
    },
    event: (event) => {
      put(entries.event(event));
    },
    flush: outbox.flush,
    close: outbox.close,
    stats: () => ledger.stats(outbox.sent()),
  };
}

interface Ledger {
  readonly onDrop: (reason: string, count: number) => void;
  readonly onError: (error: Error) => void;
  readonly stats: (samples: number) => SinkStats;
}

function newLedger(transport: Transport): Ledger {
  const dropped: Record<string, number> = {};
  let lastError: string | undefined;
  let lastAt = -Infinity;
  return {
    onDrop: (reason, count) => {
      dropped[reason] = (dropped[reason] ?? 0) + count;
    },
    onError: (error) => {
      const now = performance.now();
      if (now - lastAt < ERROR_WINDOW_MS) return;
      lastAt = now;
      lastError = `could not send to ${urlOf(transport)}: ${error.message}`;
    },
    stats: (samples) => ({ samples, dropped: { ...dropped }, ...(lastError !== undefined && { lastError }) }),
  };
}

function urlOf(transport: Transport): string {
  if (transport.kind === "uds") return `unix://${transport.path}`;
  return `udp://${transport.host.includes(":") ? `[${transport.host}]` : transport.host}:${transport.port}`;
}
