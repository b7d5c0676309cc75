import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type HandOver, NotHandedOver, type Receipt } from "../hand-over.ts";
import { type Job, jobIdOf } from "../job.ts";
import { readBody } from "./body.ts";
import { decide, type Decision, type Policy } from "./decide.ts";
import { type Ending, specOf } from "./endings.ts";
import { type Door, senderOf } from "./head.ts";
import { type Message, parseMessage } from "./message.ts";
import type { Rates } from "./rates.ts";

export interface GatewayParts extends Door {
  readonly policy: Policy;
  readonly handOver: HandOver;
  /** Whether the hand-over's other end answers. */
  readonly isThere: () => Promise<boolean>;
  /** Why nothing is handed over now; undefined: it is. Left out where no fleet can be paused. */
  readonly paused?: () => Promise<string | undefined>;
  /** Of what is well-formed and allowed, all senders together. */
  readonly rates: Rates;
  /** Milliseconds for which a job is good. */
  readonly validFor: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Told of every request, once. Must not throw. */
  readonly onEnd: (ended: Ended) => void;
}

/** How one request ended. What is of the request is as it came: to be shown with care. */
export interface Ended {
  readonly ending: Ending;
  /** Empty where nobody was let in. */
  readonly trace: string;
  readonly sender: string;
  readonly message?: Message;
  readonly job?: string;
  /** Why it could not be handed over. */
  readonly error?: Error;
  /** Of `paused`: why, as who paused it says. */
  readonly reason?: string;
}

type Outcome = Pick<Ended, "ending" | "message" | "job" | "error" | "reason"> & { readonly trace?: string };

/**
 * Handles a request whose sender is let in: its body, and what that asks for. Undefined where the body was cut short: then
 * there is nobody to answer.
 */
export async function attend(
  request: IncomingMessage,
  response: ServerResponse,
  parts: GatewayParts,
): Promise<Ended | undefined> {
  // Of 122 random bits, which Node draws in stock: a call for 16 bytes takes as long as all else here.
  const trace = randomUUID().replaceAll("-", "");
  const sender = senderOf(request, parts);
  // Only who is let in is asked for the body that he waits to send.
  if (request.headers.expect !== undefined) response.writeContinue();
  const body = await readBody(request);
  if (body === "cut") return undefined;
  if (typeof body === "string") return { ending: body, sender, trace };
  const message = parseMessage(body.text);
  if (message === undefined) return { ending: "body", sender, trace };
  return { sender, trace, ...(await asked(message, parts, trace)) };
}

async function asked(message: Message, parts: GatewayParts, trace: string): Promise<Outcome> {
  const now = parts.now();
  const decision = decide(message, parts.policy, now);
  if ("end" in decision) return { ending: decision.end, message };
  if (!parts.rates.take("", now)) return { ending: "rate_limited", message };
  const reason = await pausedFor(decision, parts);
  if (reason !== undefined) return { ending: "paused", message, reason };
  const job = decision.ask === "offer" ? jobOf(decision, trace, now, parts.validFor) : undefined;
  const named = job === undefined ? { message } : { message, job: job.id };
  try {
    const receipt = await handedOver(decision, job, parts.handOver, trace);
    const ending = endingOf(receipt);
    // A duplicate is to be followed by the trace of its first.
    return { ending, ...named, ...(ending === "duplicate" && { trace: receipt.trace }) };
  } catch (error) {
    if (!(error instanceof NotHandedOver)) throw error;
    return { ending: "unreachable", ...named, error };
  }
}

type Asking = Exclude<Decision, { readonly end: Ending }>;

/** What is over is taken back all the same. */
const pausedFor = async ({ ask }: Asking, { paused }: GatewayParts): Promise<string | undefined> =>
  ask === "offer" ? paused?.() : undefined;

function jobOf(
  { host, alert }: Extract<Asking, { readonly ask: "offer" }>,
  trace: string,
  now: number,
  validFor: number,
): Job {
  return { v: 1, id: jobIdOf(host, alert), trace, host, alert, at: now, notAfter: now + validFor };
}

function handedOver(decision: Asking, job: Job | undefined, handOver: HandOver, trace: string): Promise<Receipt> {
  if (job !== undefined) return handOver.offer(job);
  const { host } = decision;
  const { monitor, cycle } = decision.ask === "withdraw" ? decision : decision.alert;
  return handOver.withdraw({ v: 1, trace, host, monitor, cycle });
}

const endingsOf = {
  accepted: "accepted",
  duplicate: "duplicate",
  full: "rate_limited",
  "unknown-host": "unknown_host",
  withdrawn: "withdrawn",
  nothing: "withdrawn",
} as const satisfies Record<Receipt["answer"], Ending>;

const endingOf = ({ answer }: Receipt): Ending => endingsOf[answer];

type Answer = Pick<Ended, "ending" | "trace" | "job" | "reason">;

/** The status line, headers and body of an answer. A refusal ends the connection: what follows on it is nobody's. */
export function answerOf({ ending, trace, job, reason }: Answer) {
  const { code, says } = specOf(ending);
  const status = ending === "healthy" ? "ok" : ending;
  const more = { ...(job !== undefined && { job }), ...(reason !== undefined && { reason }) };
  const told = says === "" ? { status, ...more } : { error: says };
  const body = `${JSON.stringify({ ...told, ...(trace !== "" && { trace }) })}\n`;
  const headers: Record<string, string> = {
    "Content-Type": "application/json",
    "Content-Length": String(Buffer.byteLength(body)),
    "Cache-Control": "no-store",
    ...(code >= 400 && { Connection: "close" }),
    ...headersOf.get(code),
  };
  return { code, headers, body };
}

const headersOf: ReadonlyMap<number, Readonly<Record<string, string>>> = new Map([
  [401, { "WWW-Authenticate": "Bearer" }],
  [405, { Allow: "POST" }],
  [429, { "Retry-After": "60" }],
  [503, { "Retry-After": "5" }],
]);

export function reply(response: ServerResponse, ended: Answer): void {
  const { code, headers, body } = answerOf(ended);
  response.writeHead(code, headers).end(body);
}
