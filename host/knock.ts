import { connect } from "node:net";
import { deadline } from "./deadline.ts";
import { codeOf } from "./thrown.ts";

/**
 * Whether anybody is at home: `answered` when a TCP connection came about or was refused (either takes a host that lives),
 * `silent` when nothing came back in time, or the way there is told to be none.
 */
export async function knock(
  host: string,
  port: number,
  signal: AbortSignal,
  timeoutMs = 2000,
): Promise<"answered" | "silent"> {
  signal.throwIfAborted();
  const late = deadline(signal, timeoutMs);
  try {
    return await new Promise((resolve) => {
      const socket = connect({ host, port, signal: late.signal });
      socket.on("connect", () => {
        socket.destroy();
        resolve("answered");
      });
      socket.on("error", (error) => resolve(isRefusal(error) ? "answered" : "silent"));
    });
  } finally {
    late.clear();
    signal.throwIfAborted();
  }
}

const isRefusal = (error: Error): boolean => ["ECONNREFUSED", "ECONNRESET"].includes(codeOf(error));
