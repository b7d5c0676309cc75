import type { KeyObject } from "node:crypto";
import type { Msg } from "@nats-io/transport-node";
import { z } from "zod";
import { answers } from "../hand-over.ts";
import { hostName, type Job, jobSchema, traceId, type Withdrawal, withdrawalSchema } from "../job.ts";
import { jobStates } from "../local/protocol.ts";
import { isSigned, signatureOf } from "./signature.ts";
import { clockSkew, hostKeyOf } from "./subjects.ts";

const hostKey = z.string().regex(/^[0-9a-f]{20}$/u);
const askId = z.string().regex(/^[0-9a-f]{32}$/u);

/** What a host can be asked. It answers, or says why not. Times: milliseconds since the epoch. */
const question = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("status") }),
  z.strictObject({ kind: z.literal("tables") }),
  z.strictObject({ kind: z.literal("pause"), until: z.int().nonnegative(), reason: z.string().min(1).max(200) }),
  z.strictObject({ kind: z.literal("resume") }),
]);

export type Question = z.output<typeof question>;

/** Milliseconds that anybody waits for an answer. */
const longestWait = 10 * 60_000;

const asked = z.strictObject({
  v: z.literal(1),
  key: hostKey,
  ask: askId,
  at: z.int(),
  host: hostName,
  /** Milliseconds, after which nobody waits for the answer any more. */
  within: z.int().min(1).max(longestWait),
  question,
});

/** To `pause` and `resume`: why nothing is healed there now. */
export const pauseAnswer = z.strictObject({ paused: z.array(z.string().max(2000)).max(100) });

export type PauseAnswer = z.output<typeof pauseAnswer>;

export type AskOrder = z.output<typeof asked>;

/** What the gateway signs. `key`: whom it is for. `at`: milliseconds since the epoch. */
const order = z.union([
  z.strictObject({ v: z.literal(1), key: hostKey, job: jobSchema }),
  z.strictObject({ v: z.literal(1), key: hostKey, ask: askId, at: z.int(), withdraw: withdrawalSchema }),
  asked,
]);

export type Order = z.output<typeof order>;

export const answerSchema = z.strictObject({ v: z.literal(1), ask: askId, answer: z.enum(answers), trace: traceId });

/**
 * What a host says of itself; it may lie, of itself only. Hosts are of other versions for a while: what is new here is not in what
 * an older one says, and what only a newer one knows is left out.
 */
export const presenceSchema = z.object({
  v: z.literal(1),
  host: z.string().max(255),
  version: z.string().max(64),
  mode: z.enum(["observe", "approve", "auto"]),
  /** Staged `auto` may hold the mode back. */
  inForce: z.enum(["observe", "approve", "auto"]).exactOptional(),
  /** By whatever: it heals nothing by itself. */
  paused: z.boolean().exactOptional(),
  /** The end of the fleet's pause that it was last told, and has kept; null: that there is none; else it was told nothing yet. */
  fleetUntil: z.int().nullable().exactOptional(),
});

export type HeardPresence = z.output<typeof presenceSchema>;

/** As a host of this version says it: nothing that is known is left out. */
export type Presence = HeardPresence & Required<Pick<HeardPresence, "inForce" | "paused">>;

/** What became of a job, as the host tells it; of other versions, as above. */
export const toldSchema = z.object({
  v: z.literal(1),
  id: z.string().max(64),
  trace: z.string().max(32),
  /** `taken`: it is in the host's journal. `turned-away`: the host would not even take it. Else as its worker has it. */
  state: z.enum(["taken", "turned-away", ...jobStates]),
  /** A sentence for people. */
  message: z.string().max(2000),
  at: z.int(),
  /** Its own trigger has asked for it, and no page. */
  own: z.literal(true).exactOptional(),
});

export type Told = z.output<typeof toldSchema>;

/** It is not for this host to do, and never will be. The message says why, with nothing of what it came with. */
export class TurnedAway extends Error {
  override readonly name = "TurnedAway";
  /** Where it is the gateway's word all the same. */
  readonly job: Pick<Job, "id" | "trace"> | undefined;

  constructor(message: string, job?: Job) {
    super(message);
    this.job = job;
  }
}

export interface Sealed {
  readonly body: string;
  readonly signature: string;
}

export const sealJob = (job: Job, key: KeyObject): Sealed => seal({ v: 1, key: hostKeyOf(job.host), job }, key);

export const sealWithdrawal = (withdraw: Withdrawal, ask: string, at: number, key: KeyObject): Sealed =>
  seal({ v: 1, key: hostKeyOf(withdraw.host), ask, at, withdraw }, key);

export const sealQuestion = (what: Omit<AskOrder, "v" | "key">, key: KeyObject): Sealed =>
  seal({ v: 1, key: hostKeyOf(what.host), ...what }, key);

function seal(what: Order, key: KeyObject): Sealed {
  const body = JSON.stringify(what);
  return { body, signature: signatureOf(body, key) };
}

interface Receiver {
  /** As Datadog names it, in lower case. */
  readonly host: string;
  readonly gatewayKeys: readonly KeyObject[];
}

/** Of what came from the broker, the gateway's word to this host, in time. Nothing is read before it is proved. Throws `TurnedAway`. */
export function openOrder(
  bytes: Uint8Array,
  signature: string,
  { host, gatewayKeys }: Receiver,
  now = Date.now(),
): Order {
  if (signature === "") throw new TurnedAway("it is not signed");
  if (!isSigned(bytes, signature, gatewayKeys)) throw new TurnedAway("the gateway has not signed it");
  const read = order.safeParse(jsonOf(bytes));
  if (!read.success) throw new TurnedAway("it is none of the orders that this version knows");
  refuseOthers(read.data, host);
  refuseUntimely(read.data, now);
  return read.data;
}

/** Of what the gateway itself has put into the stream. */
export function jobIn(bytes: Uint8Array): Job | undefined {
  const read = order.safeParse(jsonOf(bytes));
  return read.success && "job" in read.data ? read.data.job : undefined;
}

/**
 * Of a message's headers; empty where it is not there. What cannot be read as headers is thrown by the client when it is looked at, and
 * thrown out of a callback it would be the end of all reading: a host could have its gateway's ears.
 */
export function headerIn(message: Msg, name: string): string {
  try {
    return message.headers?.get(name) ?? "";
  } catch {
    return "";
  }
}

/** Undefined where it is none. */
export function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}

function namedIn(what: Order): string {
  if ("job" in what) return what.job.host;
  return "withdraw" in what ? what.withdraw.host : what.host;
}

function refuseOthers(what: Order, host: string): void {
  const named = namedIn(what);
  if (what.key !== hostKeyOf(host) || named !== host) throw new TurnedAway("it is for another host");
}

function refuseUntimely(what: Order, now: number): void {
  const job = "job" in what ? what.job : undefined;
  const at = "job" in what ? what.job.at : what.at;
  if (at > now + clockSkew)
    throw new TurnedAway(`it is ${Math.round((at - now) / 1000)} s in the future: are the clocks right?`, job);
  const end = "job" in what ? what.job.notAfter : what.at + clockSkew;
  if (end <= now) throw new TurnedAway(`its time was over ${Math.round((now - end) / 1000)} s ago`, job);
}
