import { Worker } from "node:worker_threads";
import { messageOf } from "../thrown.ts";
import type { ArpEnds } from "./arp-packet.ts";

/** One question, from a device inside a network namespace that is given by a file. */
export interface ArpQuestion extends ArpEnds {
  readonly netns: string;
  readonly ifindex: number;
  /** Milliseconds that answers are waited for. */
  readonly waitMs: number;
}

/**
 * Broadcasts one ARP request and gives the MAC of each answer: two to one request are a container and a proxy. It changes what
 * bridges and engines have learned. Gives an Error where it could not be tried (no right, no koffi, no such namespace).
 */
export async function askArp(question: ArpQuestion): Promise<readonly string[] | Error> {
  const worker = new Worker(new URL("./arp-worker.js", import.meta.url));
  const answer = new Promise<unknown>((resolve) => {
    worker.once("message", resolve);
    worker.once("error", (error) => resolve(messageOf(error)));
  });
  const ended = new Promise<void>((resolve) => void worker.once("exit", () => resolve()));
  worker.postMessage(question, []);
  const said = await Promise.race([answer, ended]);
  await ended;
  if (Array.isArray(said)) return said.filter((mac) => typeof mac === "string");
  return new Error(`no ARP request was sent: ${typeof said === "string" ? said : "the thread ended"}`);
}
