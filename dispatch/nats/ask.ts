import { type KeyObject, randomBytes } from "node:crypto";
import { jetstreamManager } from "@nats-io/jetstream";
import { createInbox, headers, type Msg, type NatsConnection, type Subscription } from "@nats-io/transport-node";
import { z } from "zod";
import { BadBundle, bundleIn } from "../bundle.ts";
import type { FleetQuestions, Reply } from "../fleet-questions.ts";
import { hostStatus } from "../host-status.ts";
import { issueIn } from "../issue.ts";
import { lane } from "../../overlay/examine/lane.ts";
import type { Admits } from "./flood.ts";
import { type Arrived, Arriving, BadAnswer, boundsOf, pieceIn, unpack } from "./pieces.ts";
import { headerIn, pauseAnswer, type PauseAnswer, type Question, sealQuestion } from "./protocol.ts";
import { inboxOf } from "./server-config.ts";
import { answerHeader, hostKeyOf, keyIn, signatureHeader, stream, subjects } from "./subjects.ts";
import { whileAsked } from "./while-asked.ts";

export interface AskOptions {
  /** The gateway's. It is not closed by `close`. */
  readonly connection: NatsConnection;
  /** Private: what is not signed with it no host answers. */
  readonly signingKey: KeyObject;
  /** Milliseconds that a host is waited for. */
  readonly withinMs: number;
  /** Hears of each piece that nobody has asked for, by its host's key: who sends many is told of. */
  readonly admits?: Admits;
}

/** What may be asked, and told, of every host at once. */
export interface Fleet extends FleetQuestions {
  /** What holds there then. `until`: milliseconds since the epoch. */
  readonly pause: (
    hosts: readonly string[],
    pause: { readonly until: number; readonly reason: string },
    signal: AbortSignal,
  ) => Promise<readonly Reply<PauseAnswer>[]>;
  readonly resume: (hosts: readonly string[], signal: AbortSignal) => Promise<readonly Reply<PauseAnswer>[]>;
}

/** Asks the hosts that are there now; each question is signed, for one host, and has an id that its answer has too. */
export function openFleet(options: AskOptions): Fleet {
  const asking = new Asking(options);
  const all = async <A>(
    hosts: readonly string[],
    question: Question,
    read: (value: unknown, host: string) => A,
    signal: AbortSignal,
  ) => Promise.all(hosts.map(async (host) => asking.reply(host, question, read, signal)));
  return {
    hosts: async () => hostsAt(options.connection),
    status: async (hosts, signal) => all(hosts, { kind: "status" }, statusOf, signal),
    tables: async (hosts, signal) => all(hosts, { kind: "tables" }, (value) => bundleIn(value).tables, signal),
    pause: async (hosts, pause, signal) => all(hosts, { kind: "pause", ...pause }, pauseAnswerOf, signal),
    resume: async (hosts, signal) => all(hosts, { kind: "resume" }, pauseAnswerOf, signal),
    close: async () => asking.close(),
  };
}

/** Who has a place at the broker; what `fleet provision` wrote there is the name. */
async function hostsAt(connection: NatsConnection): Promise<readonly string[]> {
  const manager = await jetstreamManager(connection, { checkAPI: false });
  const names: string[] = [];
  for await (const { name, config } of manager.consumers.list(stream)) {
    const { description = "" } = config;
    if (hostKeyOf(description) !== name)
      throw new Error(`the broker does not know the name of host ${name}: run \`overlaywatch fleet provision\` again`);
    names.push(description);
  }
  return names.toSorted();
}

function statusOf(value: unknown, host: string) {
  const status = formed(hostStatus, value);
  // A host that calls itself otherwise is not believed.
  if (status.host !== host) throw new BadAnswer(`it calls itself ${JSON.stringify(status.host)}`);
  return status;
}

const pauseAnswerOf = (value: unknown): PauseAnswer => formed(pauseAnswer, value);

function formed<T>(schema: z.ZodType<T>, value: unknown): T {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  throw new BadAnswer(issueIn(read.error));
}

type Come =
  | Arrived
  /** Why nothing came. */
  | { readonly why: string };

interface Waiting {
  readonly key: string;
  readonly arriving: Arriving;
  readonly settle: (come: Come) => void;
  readonly fail: (error: Error) => void;
}

class Asking {
  readonly #options: AskOptions;
  /** By the question's id. */
  readonly #waiting = new Map<string, Waiting>();
  readonly #inbox = createInbox(inboxOf("gateway"));
  readonly #noResponders: Subscription;
  readonly #listening: <T>(ask: () => Promise<T>) => Promise<T>;
  /** What is unpacked is many times as much: one after the other. */
  readonly #inTurn = lane(1);
  /** Bytes that have come whole, and wait for that. */
  #unread = 0;

  constructor(options: AskOptions) {
    const { connection } = options;
    this.#options = options;
    this.#listening = whileAsked(connection, {
      hear: (message) => this.#hear(message),
      onDeaf: (why) => this.#settleAll(why),
    });
    // Nobody answers there: what comes is the server's word that nobody was there to hear the question.
    this.#noResponders = connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null && message.headers?.code === 503)
          this.#waiting.get(keyIn(message.subject))?.settle({ why: "it is not connected to the broker" });
      },
    });
    void this.#failAtEnd();
  }

  async #failAtEnd(): Promise<void> {
    await this.#options.connection.closed();
    for (const { fail } of this.#waiting.values()) fail(new Error("the connection to the broker is lost"));
  }

  #settleAll(why: string): void {
    for (const { settle } of this.#waiting.values()) settle({ why });
  }

  close(): void {
    this.#noResponders.unsubscribe();
    this.#settleAll("it was not waited for");
  }

  /** Rejects where the connection is lost. */
  async reply<A>(
    host: string,
    question: Question,
    read: (value: unknown, host: string) => A,
    signal: AbortSignal,
  ): Promise<Reply<A>> {
    const come = await this.#listening(async () => this.#ask(host, question, signal));
    if ("why" in come) return { host, trouble: come.why };
    try {
      return await this.#inTurn(async () => {
        const value = await unpack(come);
        if (come.isTrouble) return { host, trouble: `it says: ${formed(sentence, value)}` };
        return { host, answer: read(value, host) };
      });
    } catch (error) {
      return { host, trouble: notUnderstood(error) };
    } finally {
      this.#unread -= come.packed.length;
    }
  }

  async #ask(host: string, question: Question, signal: AbortSignal): Promise<Come> {
    const { connection, signingKey, withinMs } = this.#options;
    const [ask, key] = [randomBytes(16).toString("hex"), hostKeyOf(host)];
    const { body, signature } = sealQuestion({ host, ask, at: Date.now(), within: withinMs, question }, signingKey);
    const made = headers();
    made.set(signatureHeader, signature);
    const end = AbortSignal.any([signal, AbortSignal.timeout(withinMs)]);
    const begun = performance.now();
    const come = new Promise<Come>((settle, fail) => {
      const late = () => settle({ why: `it has not answered within ${secondsSince(begun)} s` });
      end.addEventListener("abort", late, { once: true });
      this.#waiting.set(ask, { key, arriving: new Arriving(boundsOf(question.kind)), settle, fail });
      if (end.aborted) late();
      else connection.publish(subjects.ask(key), body, { headers: made, reply: `${this.#inbox}.${ask}` });
    });
    return come.finally(() => this.#waiting.delete(ask));
  }

  #hear(message: Msg): void {
    const piece = pieceIn(headerIn(message, answerHeader));
    if (piece === undefined) return;
    const [waiting, key] = [this.#waiting.get(piece.ask), keyIn(message.subject)];
    // Of the host that was asked: another can publish under its own key only.
    if (waiting?.key !== key) return void this.#options.admits?.(key);
    try {
      this.#refuseFlood(message.data.length, waiting.arriving.bounds.together);
      const whole = waiting.arriving.add(piece, message.data);
      if (whole !== undefined) this.#settle(piece.ask, waiting, whole);
    } catch (error) {
      this.#settle(piece.ask, waiting, { why: notUnderstood(error) });
    }
  }

  /** What comes yet of it is nobody's. */
  #settle(ask: string, { settle }: Waiting, come: Come): void {
    this.#waiting.delete(ask);
    if ("packed" in come) this.#unread += come.packed.length;
    settle(come);
  }

  #refuseFlood(more: number, most: number): void {
    let bytes = more + this.#unread;
    for (const { arriving } of this.#waiting.values()) bytes += arriving.bytes;
    if (bytes > most) throw new BadAnswer("too much comes from all hosts at once");
  }
}

function notUnderstood(error: unknown): string {
  if (!(error instanceof BadAnswer || error instanceof BadBundle)) throw error;
  return `its answer is not understood: ${error.message}`;
}

const secondsSince = (begun: number): number => Math.round((performance.now() - begun) / 100) / 10;

const sentence = z.string().max(2000);
