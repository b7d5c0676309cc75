import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Message } from "../../../emit/dogstatsd/parse.ts";
import { type Arrival, type Receiver, type ReceiverOptions, startReceiver } from "../../../emit/dogstatsd/receiver.ts";
import type { Transport } from "../../../emit/dogstatsd/transport.ts";

export interface Listening {
  readonly receiver: Receiver;
  readonly messages: Message[];
  readonly arrivals: Arrival[];
}

/** A receiver that keeps what it gets. */
export async function listen(options: ReceiverOptions): Promise<Listening> {
  const messages: Message[] = [];
  const arrivals: Arrival[] = [];
  const receiver = await startReceiver(options, (message, arrival) => {
    messages.push(message);
    arrivals.push(arrival);
  });
  return { receiver, messages, arrivals };
}

/** The same by either transport, and how to reach it. */
export async function listenBy(
  kind: Transport["kind"],
  folder: string,
): Promise<Listening & { readonly transport: Transport }> {
  const path = join(folder, "dsd.socket");
  const listening = await listen(kind === "udp" ? { udp: { port: 0 } } : { uds: { path } });
  const port = listening.receiver.udp?.port ?? 0;
  return { ...listening, transport: kind === "udp" ? { kind, host: "127.0.0.1", port } : { kind, path } };
}

export async function until(condition: () => boolean, what: string, milliseconds = 5_000): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited ${milliseconds} ms in vain for ${what}`);
    await sleep(5);
  }
}

export function newFolder(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "overlaywatch-dogstatsd-"));
  return {
    path,
    remove: () => {
      rmSync(path, { recursive: true, force: true });
    },
  };
}
