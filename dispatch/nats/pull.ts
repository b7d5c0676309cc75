import { setTimeout as sleep } from "node:timers/promises";
import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import { z } from "zod";
import { messageOf } from "../../host/thrown.ts";
import type { Broker } from "./connection.ts";
import { jsonOf } from "./protocol.ts";
import { inboxOf } from "./server-config.ts";
import { hostApi, stream } from "./subjects.ts";

interface PullParts {
  readonly broker: Broker;
  readonly connection: NatsConnection;
  /** The host's. */
  readonly key: string;
  readonly signal: AbortSignal;
  /** One at a time. Must not reject. */
  readonly take: (message: Msg) => Promise<void>;
  readonly onTrouble: (what: string) => void;
}

/** Milliseconds that the broker keeps the question for the next job. */
const pullMs = 10_000;
const question = JSON.stringify({ batch: 1, expires: pullMs * 1_000_000 });

/**
 * Asks for one message after the other, each time on an inbox of its own: what comes to an older one, from before the
 * connection was lost, is taken too, and asks for no more.
 */
export class Pull {
  readonly #parts: PullParts;
  readonly #inbox: string;
  /** The number of the last question, or of the last search for who answers one. */
  #asked = 0;
  #taking = Promise.resolve();
  #trouble = "";

  constructor(parts: PullParts) {
    this.#parts = parts;
    this.#inbox = createInbox(inboxOf(parts.key));
  }

  /** Ends with the connection. */
  async run(): Promise<void> {
    const { connection } = this.#parts;
    void this.#begin();
    for await (const { type } of connection.status()) if (type === "reconnect") void this.#begin();
    await this.#taking;
  }

  /** Asks when there is somebody who knows this host: to others the broker says nothing. */
  async #begin(): Promise<void> {
    const own = ++this.#asked;
    while (this.#isLast(own)) {
      const trouble = await troubleAsking(this.#parts);
      if (trouble === undefined) break;
      if (trouble !== this.#trouble && this.#parts.broker.isConnected()) this.#parts.onTrouble(trouble);
      this.#trouble = trouble;
      await this.#pause();
    }
    if (this.#isLast(own)) this.#ask();
  }

  #ask(): void {
    const { connection, key } = this.#parts;
    this.#trouble = "";
    const own = ++this.#asked;
    const inbox = connection.subscribe(`${this.#inbox}.${own}`, {
      max: 1,
      // A broker that was killed has forgotten what it was asked.
      timeout: pullMs + 5000,
      callback: (error, message) => {
        if (error !== null) inbox.unsubscribe();
        this.#taking = this.#come(this.#taking, own, error === null ? message : undefined);
      },
    });
    connection.publish(`${hostApi}.CONSUMER.MSG.NEXT.${stream}.${key}`, question, { reply: `${this.#inbox}.${own}` });
  }

  async #come(before: Promise<void>, own: number, message: Msg | undefined): Promise<void> {
    await before;
    const { headers } = message ?? {};
    if (message === undefined) return void this.#begin();
    if (headers === undefined || headers.code === 0) await this.#parts.take(message);
    else await this.#none(headers);
    if (this.#isLast(own)) this.#ask();
  }

  /** `404` and `408`: there is none. */
  async #none({ code, description }: MsgHdrs): Promise<void> {
    if (code === 404 || code === 408) return;
    this.#parts.onTrouble(`jobs can not be had from the broker: ${code} ${description}`);
    await this.#pause();
  }

  #isLast(own: number): boolean {
    const { signal, connection } = this.#parts;
    return own === this.#asked && !signal.aborted && !connection.isClosed();
  }

  async #pause(): Promise<void> {
    await sleep(1000, undefined, { signal: this.#parts.signal }).catch(() => undefined);
  }
}

const infoSchema = z.object({ error: z.object({ description: z.string() }).optional() });

async function troubleAsking({ connection, key, broker }: PullParts): Promise<string | undefined> {
  try {
    const subject = `${hostApi}.CONSUMER.INFO.${stream}.${key}`;
    const info = await connection.request(subject, "", { timeout: broker.timeoutMs });
    const { error } = infoSchema.parse(jsonOf(info.data));
    return error && `the broker has no place for this host's jobs: ${error.description}`;
  } catch (error) {
    return `the broker does not say whether it has jobs: ${messageOf(error)}`;
  }
}
