import { headers, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { messageOf } from "../../host/thrown.ts";
import type { HandOver } from "../hand-over.ts";
import type { HostStatus } from "../host-status.ts";
import { cut, headerOf, pack } from "./pieces.ts";
import { type AskOrder, type Order, type PauseAnswer, type Question, TurnedAway } from "./protocol.ts";
import { answerHeader, clockSkew, subjects } from "./subjects.ts";

/** What this host answers. Where one throws, the gateway is told the error's message. */
export interface Answers {
  readonly status: () => Promise<HostStatus>;
  /** A bundle of this host's tables, JSON, packed. `signal`: nobody waits for it any more. */
  readonly tables: (trace: string, signal: AbortSignal) => Promise<Uint8Array>;
  /** Times: milliseconds since the epoch; `at`: when it was said, so that an older word does not undo a newer one. */
  readonly pause: (pause: {
    readonly at: number;
    readonly until: number;
    readonly reason: string;
  }) => Promise<PauseAnswer>;
  readonly resume: (resume: { readonly at: number }) => Promise<PauseAnswer>;
}

interface AnsweringParts {
  readonly connection: NatsConnection;
  /** The host's. */
  readonly key: string;
  readonly worker: Pick<HandOver, "withdraw">;
  readonly answers: Answers;
  /** Throws `TurnedAway`. */
  readonly orderIn: (message: Msg) => Order;
  readonly onTrouble: (what: string) => void;
}

/** Questions that are remembered. */
const mostRemembered = 10_000;

/** Those that are being answered, at most; what pauses waits for no other, and those that only ask share their turns. */
const lanes = { pause: 2, resume: 2, others: 8 } as const;

type Lane = keyof typeof lanes;

const laneOf = (kind: Question["kind"]): Lane => (kind === "pause" || kind === "resume" ? kind : "others");

/** Answers what the gateway asks now: each question once, and nobody else's. */
export function answering(parts: AnsweringParts): (error: Error | null, message: Msg) => Promise<void> {
  const isNew = once();
  const underway = { pause: 0, resume: 0, others: 0 };
  return async (error, message) => {
    try {
      if (error !== null) throw error;
      const order = parts.orderIn(message);
      if ("job" in order) throw new TurnedAway("it asks nothing");
      if (!isNew(order.ask, Date.now())) throw new TurnedAway("it was asked before");
      if ("withdraw" in order) await withdrawn(order, parts);
      else await send(order.ask, await inTurn(order, parts, underway), parts);
    } catch (cause) {
      parts.onTrouble(`what the broker asks is not answered: ${messageOf(cause)}`);
    }
  };
}

async function inTurn(order: AskOrder, parts: AnsweringParts, underway: Record<Lane, number>): Promise<Answer> {
  const own = laneOf(order.question.kind);
  if (underway[own] >= lanes[own]) return inWords("so many questions are being answered that this one is not");
  underway[own]++;
  try {
    return await answerTo(order, parts);
  } catch (error) {
    parts.onTrouble(`the gateway's question \`${order.question.kind}\` can not be answered: ${messageOf(error)}`);
    return await inWords(messageOf(error));
  } finally {
    underway[own]--;
  }
}

/** For as long as the same question would be taken: a replay is not answered, and nothing is done twice for it. */
function once(): (ask: string, now: number) => boolean {
  const asked = new Map<string, number>();
  return (ask, now) => {
    for (const [first, until] of asked) {
      if (until > now) break;
      asked.delete(first);
    }
    if (asked.has(ask) || asked.size >= mostRemembered) return false;
    asked.set(ask, now + 2 * clockSkew);
    return true;
  };
}

async function withdrawn({ ask, withdraw }: Extract<Order, { withdraw: unknown }>, parts: AnsweringParts) {
  const receipt = await parts.worker.withdraw(withdraw);
  parts.connection.publish(subjects.answer(parts.key), JSON.stringify({ v: 1, ask, ...receipt }));
}

interface Answer {
  readonly isTrouble: boolean;
  readonly packed: Uint8Array;
}

const inWords = async (what: string): Promise<Answer> => {
  return { isTrouble: true, packed: await pack(JSON.stringify(what.slice(0, 2000))) };
};
const told = async (what: object): Promise<Answer> => ({ isTrouble: false, packed: await pack(JSON.stringify(what)) });

/** As much as who asks reads. A person may have given a reason of any length on this host. */
const short = (stops: readonly string[]): string[] => stops.slice(0, 100).map((stop) => stop.slice(0, 2000));
const paused = async (answer: PauseAnswer): Promise<Answer> => told({ paused: short(answer.paused) });

async function answerTo({ ask, question, within, at }: AskOrder, { answers }: AnsweringParts): Promise<Answer> {
  switch (question.kind) {
    case "status": {
      const status = await answers.status();
      return told({ ...status, paused: status.paused && short(status.paused) });
    }
    case "tables":
      return { isTrouble: false, packed: await answers.tables(ask, AbortSignal.timeout(within)) };
    case "pause":
      return paused(await answers.pause({ at, until: question.until, reason: question.reason }));
    case "resume":
      break;
  }
  return paused(await answers.resume({ at }));
}

async function send(ask: string, { packed, isTrouble }: Answer, { connection, key }: AnsweringParts): Promise<void> {
  const pieces = cut(packed, connection.info?.max_payload ?? 0);
  for (const [at, piece] of pieces.entries()) {
    const made = headers();
    made.set(answerHeader, headerOf({ ask, at: at + 1, of: pieces.length, isTrouble }));
    connection.publish(subjects.answer(key), piece, { headers: made });
    // What is under way to the broker is bounded: jobs and signs of life come in between.
    if (at % piecesAtOnce === piecesAtOnce - 1) await connection.flush();
  }
}

const piecesAtOnce = 4;
