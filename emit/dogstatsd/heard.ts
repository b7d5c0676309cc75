import { createSocket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf } from "../../host/thrown.ts";
import { isSocketAt, type Transport } from "./transport.ts";

/** An ICMP message of this machine's own comes at once; from elsewhere none may come at all. */
const within = 300;

/**
 * Whether somebody listens there, as far as can be known: false where there is no socket file, or where the kernel says
 * that nobody has that UDP port. hot-shots never hears of the latter, for its socket is not connected.
 */
export async function isHeard(transport: Transport): Promise<boolean> {
  if (transport.kind === "uds") return isSocketAt(transport.path);
  const socket = createSocket(isIPv6(transport.host) ? "udp6" : "udp4");
  const refused = once(socket, "error").then(([error]: unknown[]) => isRefusal(error));
  try {
    socket.connect(transport.port, transport.host);
    await Promise.race([once(socket, "connect"), refused, sleep(within)]);
    // An empty line is no message to a DogStatsD server.
    socket.send("\n");
    return !(await Promise.race([refused, sleep(within, false)]));
  } catch {
    // A name that leads nowhere: what is sent tells of that by itself.
    return true;
  } finally {
    socket.close();
  }
}

const isRefusal = (error: unknown): boolean => codeOf(error) === "ECONNREFUSED";
