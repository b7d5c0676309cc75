import { type Message, parseLine, splitPacket } from "./parse.ts";
import type { ParseOptions } from "./parse-fields.ts";
import { openUdp, type UdpOptions } from "./receive-udp.ts";
import { openUnix } from "./receive-unix.ts";

type TransportName = "udp" | "uds";

export interface Arrival {
  readonly transport: TransportName;
  /** Size of the datagram that the message came in. */
  readonly datagramBytes: number;
}

export interface ReceiverOptions {
  readonly udp?: UdpOptions;
  readonly uds?: { readonly path: string };
  readonly parse?: ParseOptions;
  /** A line that is no message, with the reason; it is counted all the same. */
  readonly onInvalid?: (reason: string, arrival: Arrival) => void;
}

interface TransportStats {
  readonly datagrams: number;
  readonly bytes: number;
  readonly messages: number;
  readonly invalidLines: number;
  readonly largestDatagram: number;
  /** Datagrams above 8192 bytes: taken whole here, but the agent cuts them at its default `dogstatsd_buffer_size`. */
  readonly oversized: number;
}

export interface Receiver {
  /** Where it really listens: the port that the kernel chose for 0, and the receive buffer as it counts it. */
  readonly udp?: { readonly host: string; readonly port: number; readonly receiveBufferBytes: number };
  readonly uds?: { readonly path: string };
  readonly stats: () => Readonly<Record<TransportName, TransportStats>>;
  /** Stops listening and removes the socket file, if it is still its own. May be called again. */
  readonly close: () => Promise<void>;
}

const AGENT_BUFFER_BYTES = 8192;

/**
 * Starts a DogStatsD server, on UDP, on a unix datagram socket, or on both; `handle` is called once a message.
 * Throws where one of them can not listen; the other is closed again then.
 */
export async function startReceiver(
  options: ReceiverOptions,
  handle: (message: Message, arrival: Arrival) => void,
): Promise<Receiver> {
  if (options.udp === undefined && options.uds === undefined) {
    throw new Error("the DogStatsD receiver was told to listen nowhere: give it a UDP port, a socket path, or both");
  }
  const counts = { udp: noCounts(), uds: noCounts() };
  const onDatagram = (transport: TransportName) => (datagram: Buffer) => {
    take(datagram, transport, counts[transport], options, handle);
  };
  const unix = options.uds && (await openUnix(options.uds.path, onDatagram("uds")));
  const udp = options.udp && (await openUdp(options.udp, onDatagram("udp")).catch(closingFirst(unix)));
  return {
    ...(udp && { udp: { host: udp.host, port: udp.port, receiveBufferBytes: udp.receiveBufferBytes } }),
    ...(unix && { uds: { path: unix.path } }),
    stats: () => ({ udp: { ...counts.udp }, uds: { ...counts.uds } }),
    close: async () => {
      await Promise.all([udp?.close(), unix?.close()]);
    },
  };
}

type Counts = { -readonly [K in keyof TransportStats]: number };

function noCounts(): Counts {
  return { datagrams: 0, bytes: 0, messages: 0, invalidLines: 0, largestDatagram: 0, oversized: 0 };
}

function take(
  datagram: Buffer,
  transport: TransportName,
  counts: Counts,
  options: ReceiverOptions,
  handle: (message: Message, arrival: Arrival) => void,
): void {
  counts.datagrams += 1;
  counts.bytes += datagram.length;
  counts.largestDatagram = Math.max(counts.largestDatagram, datagram.length);
  if (datagram.length > AGENT_BUFFER_BYTES) counts.oversized += 1;
  const arrival = { transport, datagramBytes: datagram.length };
  for (const line of splitPacket(datagram)) {
    const parsed = parseLine(line, options.parse);
    if (parsed.kind === "invalid") {
      counts.invalidLines += 1;
      options.onInvalid?.(parsed.reason, arrival);
    } else {
      counts.messages += 1;
      handle(parsed, arrival);
    }
  }
}

function closingFirst(unix: { readonly close: () => Promise<void> } | undefined) {
  return async (error: unknown): Promise<never> => {
    await unix?.close();
    throw error;
  };
}
