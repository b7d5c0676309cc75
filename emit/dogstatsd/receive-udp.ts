import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { messageOf } from "../../host/thrown.ts";

export interface UdpOptions {
  /** Default 127.0.0.1: a DogStatsD port takes anyone's word. */
  readonly host?: string;
  /** 0: one that is free. */
  readonly port: number;
  /** Asked from the kernel, default 4 MiB. `net.core.rmem_max` is the most that it gives. */
  readonly receiveBufferBytes?: number;
}

export interface UdpListener {
  readonly host: string;
  readonly port: number;
  /** As read back: the kernel doubles what it grants, for its own bookkeeping. */
  readonly receiveBufferBytes: number;
  readonly close: () => Promise<void>;
}

const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/** Listens on UDP. Throws with the address in the text where that fails. */
export async function openUdp(options: UdpOptions, onDatagram: (datagram: Buffer) => void): Promise<UdpListener> {
  const host = options.host ?? "127.0.0.1";
  const socket = createSocket({
    type: isIPv6(host) ? "udp6" : "udp4",
    recvBufferSize: options.receiveBufferBytes ?? RECEIVE_BUFFER_BYTES,
  });
  socket.on("message", onDatagram);
  try {
    socket.bind(options.port, host);
    await once(socket, "listening");
  } catch (cause) {
    socket.close();
    throw new Error(`could not listen for DogStatsD on UDP ${host}:${options.port}: ${reasonOf(cause)}`, { cause });
  }
  // A socket that listens can still report an error that came in by ICMP; it has no consequence for a server.
  socket.on("error", () => undefined);
  const { address, port } = socket.address();
  return { host: address, port, receiveBufferBytes: socket.getRecvBufferSize(), close: closeOnce(socket) };
}

function closeOnce(socket: Socket): () => Promise<void> {
  let closed: Promise<void> | undefined;
  return () => {
    closed ??= new Promise((resolve) => {
      socket.close(() => {
        resolve();
      });
    });
    return closed;
  };
}

function reasonOf(cause: unknown): string {
  const text = messageOf(cause);
  return text.includes("EADDRINUSE") ? `${text} (another program listens there; choose another port, or 0)` : text;
}
