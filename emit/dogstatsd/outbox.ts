import { setImmediate as afterEvents, setTimeout as sleep } from "node:timers/promises";
import { MAX_DATAGRAM_BYTES, type WireClient } from "./client.ts";
import type { Transport } from "./transport.ts";
import type { WireEntry } from "./wire-entry.ts";

export interface OutboxOptions {
  readonly client: WireClient;
  readonly kind: Transport["kind"];
  /** Entries that may wait; what comes beyond is dropped as `queue_full`. */
  readonly maxQueue: number;
  readonly onDrop: (reason: string, count: number) => void;
  readonly onError: (error: Error) => void;
}

export interface Outbox {
  readonly put: (entry: WireEntry) => void;
  /** Resolves once all that was put before was handed to the socket, or dropped. */
  readonly flush: () => Promise<void>;
  /** Flushes, for half a second; what is left then is dropped as `closed`. Ends within 1.5 s. */
  readonly close: () => Promise<void>;
  readonly sent: () => number;
}

/**
 * A receiver's kernel buffer holds some 90 datagrams on UDP (212992 bytes by default) and 10 on a unix socket
 * (`net.unix.max_dgram_qlen`): a whole cycle at once overruns either, without a word on UDP. So a few go at a time.
 */
const DATAGRAMS_AT_ONCE = { udp: 16, uds: 6 } as const;
const PAUSE_MS = 2;
const FLUSH_AT_CLOSE_MS = 500;
/** hot-shots' own retries on a unix socket take 400 ms. */
const LAST_DATAGRAM_MS = 600;
/** Entries that were taken stay in the array up to here: to cut it each time would copy it each time. */
const FORGET_AT = 1_000;

/** A bounded queue before the client, sent datagram by datagram at a pace that a receiver keeps up with. */
export function openOutbox(options: OutboxOptions): Outbox {
  const queue = entryQueue(MAX_DATAGRAM_BYTES[options.kind]);
  const atOnce = DATAGRAMS_AT_ONCE[options.kind];
  const progress = newProgress();
  let closing: Promise<void> | undefined;
  let sent = 0;
  let draining = false;
  let drained: Promise<void> = Promise.resolve();

  const drain = async (): Promise<void> => {
    // What else is written in this turn of the event loop shares the first datagram.
    await afterEvents();
    for (let datagrams = 1; queue.length() > 0; datagrams += 1) {
      sent += await deliver(queue.takeDatagram(), options, progress);
      if (datagrams % atOnce === 0) await (closing === undefined ? sleep(PAUSE_MS) : afterEvents());
    }
    draining = false;
  };

  const put = (entry: WireEntry): void => {
    if (closing !== undefined) return options.onDrop("closed", 1);
    if (queue.length() >= options.maxQueue) return options.onDrop("queue_full", 1);
    queue.put(entry);
    progress.accepted(1);
    if (draining) return;
    draining = true;
    drained = drain();
  };

  const close = async (): Promise<void> => {
    await within(FLUSH_AT_CLOSE_MS, progress.flush());
    const left = queue.clear();
    if (left > 0) options.onDrop("closed", left);
    progress.settled(left);
    // hot-shots prints when it is closed under a datagram in flight; so it is closed when that has come back.
    const ended = drained.then(options.client.close);
    if (await within(LAST_DATAGRAM_MS, drained)) await ended;
  };

  return {
    put,
    flush: progress.flush,
    close: () => (closing ??= close()),
    sent: () => sent,
  };
}

/** How many of the entries left. */
async function deliver(
  entries: readonly WireEntry[],
  { client, onDrop, onError }: OutboxOptions,
  progress: Progress,
): Promise<number> {
  const error = await client.deliver(entries).catch((cause: unknown) => new Error(String(cause), { cause }));
  progress.settled(entries.length);
  if (error === undefined) return entries.length;
  onError(error);
  onDrop("transport", entries.length);
  return 0;
}

interface Progress {
  readonly accepted: (count: number) => void;
  readonly settled: (count: number) => void;
  readonly flush: () => Promise<void>;
}

/** Who waits for what: a flush is over when as many entries are settled as were accepted when it was asked for. */
function newProgress(): Progress {
  let accepted = 0;
  let settled = 0;
  let waiting: { readonly until: number; readonly resolve: () => void }[] = [];
  return {
    accepted: (count) => {
      accepted += count;
    },
    settled: (count) => {
      settled += count;
      for (const each of waiting) if (each.until <= settled) each.resolve();
      waiting = waiting.filter((each) => each.until > settled);
    },
    flush: async () => {
      if (settled === accepted) return;
      const until = accepted;
      await new Promise<void>((resolve) => {
        waiting.push({ until, resolve });
      });
    },
  };
}

interface EntryQueue {
  readonly length: () => number;
  readonly put: (entry: WireEntry) => void;
  /** The oldest entries, as many as fit into one datagram with a line feed between them; one at least. */
  readonly takeDatagram: () => WireEntry[];
  readonly clear: () => number;
}

function entryQueue(maxBytes: number): EntryQueue {
  let entries: WireEntry[] = [];
  let head = 0;
  const clear = (): number => {
    const left = entries.length - head;
    entries = [];
    head = 0;
    return left;
  };
  const forgetTaken = (): void => {
    if (head < FORGET_AT && head < entries.length) return;
    entries = entries.slice(head);
    head = 0;
  };
  return {
    length: () => entries.length - head,
    put: (entry) => {
      entries.push(entry);
    },
    takeDatagram: () => {
      const start = head;
      let bytes = -1;
      for (let next = entries[head]; next !== undefined; next = entries[head]) {
        bytes += next.bytes + 1;
        if (bytes > maxBytes && head > start) break;
        head += 1;
      }
      const taken = entries.slice(start, head);
      forgetTaken();
      return taken;
    },
    clear,
  };
}

/** Whether the promise came through in time. */
async function within(milliseconds: number, promise: Promise<void>): Promise<boolean> {
  const cancel = new AbortController();
  const late = sleep(milliseconds, false, { signal: cancel.signal }).catch(() => false);
  const inTime = await Promise.race([promise.then(() => true), late]);
  cancel.abort();
  return inTime;
}
