import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { askGateway } from "../../dispatch/gateway/ask.ts";

/** One try at sending a page to a gateway. Times: milliseconds since the epoch. */
export const trySchema = z.object({
  /** Of the page. */
  event: z.string(),
  from: z.number(),
  to: z.number(),
  /** The gateway's status, or why there was none. */
  outcome: z.union([z.number(), z.string()]),
  answer: z.string(),
});
export type Try = z.output<typeof trySchema>;

export const answerSchema = z.object({ status: z.string(), job: z.string().optional(), trace: z.string().optional() });

/** Where a gateway is, and how long is waited before it is tried again. */
export const receiverSchema = z.object({ url: z.string(), token: z.string(), againMs: z.number() });
export type Receiver = z.output<typeof receiverSchema>;

/** What the shipped webhook sends. `event`: digits. */
export function pageOf(host: string, event: string): string {
  const scope = `host:${host}`;
  const who = { event, host, scope, tags: scope, cycle: `cycle-${event}`, date: String(Date.now()) };
  const what = { version: "1", monitor_id: "1", transition: "Triggered", org: "1", link: "" };
  return JSON.stringify({ ...what, ...who, title: "Frames take the wrong way" });
}

export const isTaken = ({ outcome }: Try): boolean => typeof outcome === "number" && outcome < 500;

/** As Datadog does: a lost connection or a 5xx is tried again, on a new one, and nothing else is. */
export async function deliver(
  { url, token, againMs }: Receiver,
  event: string,
  body: string,
  onTry: (one: Try) => void,
): Promise<Try> {
  for (;;) {
    const from = Date.now();
    const { outcome, answer } = await askGateway({ url, token, body, timeoutMs: 15_000 }).then(
      ({ code, body: said }) => ({ outcome: code, answer: said }),
      (error: unknown) => ({ outcome: String(error), answer: "" }),
    );
    const one = { event, from, to: Date.now(), outcome, answer };
    onTry(one);
    if (isTaken(one)) return one;
    await sleep(againMs);
  }
}
