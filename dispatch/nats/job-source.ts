import type { KeyObject } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import { z } from "zod";
import type { HandOver } from "../hand-over.ts";
import type { Broker } from "./connection.ts";
import { jsonOf, openOrder, type Presence, type Told, TurnedAway } from "./protocol.ts";
import { inboxOf } from "./server-config.ts";
import { hostApi, hostKeyOf, signatureHeader, stream, subjects } from "./subjects.ts";

export interface JobSourceOptions {
  /** This host's own. */
  readonly broker: Broker;
  /** As Datadog names it, in lower case. */
  readonly host: string;
  readonly gatewayKeys: readonly KeyObject[];
  /** Takes what is well: the worker's journal. */
  readonly worker: Pick<HandOver, "offer" | "withdraw">;
  readonly presence: () => Omit<Presence, "v" | "host">;
  /** Milliseconds between two signs of life; 20 000 unless told. */
  readonly presenceMs?: number;
  /** Milliseconds until a job that the worker could not take is sent again; 5 000 unless told. */
  readonly againMs?: number;
  readonly onTrouble: (what: string) => void;
}

export interface JobSource {
  /** To the gateway; lost where there is no connection: the host's own journal and events have it. */
  readonly tell: (told: Told) => void;
  /** Takes no more. What the worker is just taking is not answered to the broker, which sends it again. */
  readonly close: () => Promise<void>;
}

/** Milliseconds that the broker keeps the question for the next job. */
const pullMs = 10_000;
const question = { batch: 1, expires: pullMs * 1_000_000 };

/** Brings this host its jobs from the broker, one at a time: each is acknowledged when the worker has it on a disk. */
export function openJobSource(options: JobSourceOptions): JobSource {
  const closing = new AbortController();
  const { broker, host, presence, presenceMs = 20_000 } = options;
  const key = hostKeyOf(host);
  let connection: NatsConnection | undefined;
  const send = (subject: string, what: unknown) => {
    if (broker.isConnected()) connection?.publish(subject, JSON.stringify(what));
  };
  const say = () => send(subjects.presence(key), { v: 1, host, ...presence() });
  const timer = setInterval(say, presenceMs);
  const door = { ...options, key, signal: closing.signal, tell: (told: Told) => send(subjects.told(key), told) };
  const running = broker.ready.then(
    async (opened) => {
      connection = opened;
      opened.subscribe(subjects.ask(key), { callback: (error, message) => void answer(error, message, door, opened) });
      say();
      await takeAll(opened, door);
    },
    () => undefined,
  );
  return {
    tell: door.tell,
    close: async () => {
      closing.abort();
      clearInterval(timer);
      await broker.close();
      await running;
    },
  };
}

interface Door extends JobSourceOptions {
  readonly key: string;
  readonly signal: AbortSignal;
  readonly tell: (told: Told) => void;
}

/**
 * Asks for one job after the other, each time on an inbox of its own: what comes to an older one, from before the
 * connection was lost, is taken too, and asks for no more. Ends with the connection.
 */
async function takeAll(connection: NatsConnection, door: Door): Promise<void> {
  const inbox = createInbox(inboxOf(door.key));
  const [next, what] = [`${hostApi}.CONSUMER.MSG.NEXT.${stream}.${door.key}`, JSON.stringify(question)];
  let [asked, taking] = [0, Promise.resolve()];
  const ask = () => {
    if (connection.isClosed()) return;
    const own = ++asked;
    // A broker that was killed has forgotten what it was asked.
    const heard = connection.subscribe(`${inbox}.${own}`, {
      max: 1,
      timeout: pullMs + 5000,
      callback: (error, message) => {
        if (error !== null) heard.unsubscribe();
        taking = taking.then(async () => {
          if (error === null) await come(message, connection, door);
          if (own === asked) await (error === null ? ask() : begin());
        });
      },
    });
    connection.publish(next, what, { reply: `${inbox}.${own}` });
  };
  const begin = async () => {
    const own = ++asked;
    let last: string | undefined;
    while (own === asked && !door.signal.aborted) {
      const trouble = await troubleAsking(connection, door);
      if (trouble === undefined) return own === asked ? ask() : undefined;
      if (trouble !== last && door.broker.isConnected()) door.onTrouble(trouble);
      last = trouble;
      await pause(door);
    }
  };
  void begin();
  void atReconnect(connection, () => void begin());
  await connection.closed();
  await taking;
}

const pause = async ({ signal }: Door): Promise<void> =>
  sleep(1000, undefined, { signal }).catch(() => undefined);

/** Undefined where there are jobs to be had: to who asks where it has no consumer, the broker says nothing. */
async function troubleAsking(connection: NatsConnection, { key, broker }: Door): Promise<string | undefined> {
  try {
    const subject = `${hostApi}.CONSUMER.INFO.${stream}.${key}`;
    const info = await connection.request(subject, "", { timeout: broker.timeoutMs });
    const { error } = infoSchema.parse(jsonOf(info.data));
    return error && `the broker has no place for this host's jobs: ${error.description}`;
  } catch (error) {
    return `the broker does not say whether it has jobs: ${error instanceof Error ? error.message : String(error)}`;
  }
}

const infoSchema = z.object({ error: z.object({ description: z.string() }).optional() });

async function come(message: Msg, connection: NatsConnection, door: Door): Promise<void> {
  const { headers } = message;
  if (headers === undefined || headers.code === 0) await take(message, connection, door);
  else await notNow(headers, door);
}

async function atReconnect(connection: NatsConnection, work: () => void): Promise<void> {
  for await (const { type } of connection.status()) if (type === "reconnect") work();
}

/** `404` and `408`: there is none. */
async function notNow({ code, description }: MsgHdrs, door: Door): Promise<void> {
  if (code === 404 || code === 408) return;
  door.onTrouble(`jobs can not be had from the broker: ${code} ${description}`);
  await pause(door);
}

/** Acknowledged when it is durable here; turned away for good; or to be sent again. */
async function take(message: Msg, connection: NatsConnection, door: Door): Promise<void> {
  const { worker, tell, onTrouble, againMs = 5000 } = door;
  try {
    const order = openOrder(message.data, message.headers?.get(signatureHeader) ?? "", door);
    if (!("job" in order)) throw new TurnedAway("it is no job");
    const { job } = order;
    const { answer } = await worker.offer(job);
    if (answer !== "accepted" && answer !== "duplicate")
      throw new TurnedAway(answer === "full" ? "too many jobs wait on this host" : "this host is called otherwise", job);
    // Where this is lost, the job comes again, and is a duplicate.
    await connection.request(message.reply ?? "", "+ACK", { timeout: door.broker.timeoutMs });
    tell({ v: 1, id: job.id, trace: job.trace, state: "taken", message: "it is in the host's journal", at: Date.now() });
  } catch (error) {
    if (!(error instanceof TurnedAway)) {
      onTrouble(`a job could not be taken: ${error instanceof Error ? error.message : String(error)}`);
      message.respond(`-NAK ${JSON.stringify({ delay: againMs * 1_000_000 })}`);
      return;
    }
    onTrouble(`a job is turned away: ${error.message}`);
    // No reason with it: 2.9 reads `+TERM` alone.
    message.respond("+TERM");
    const { id = "", trace = "" } = error.job ?? {};
    tell({ v: 1, id, trace, state: "turned-away", message: error.message, at: Date.now() });
  }
}

/** The gateway asks now, and has no use for a later answer. */
async function answer(error: Error | null, message: Msg, door: Door, connection: NatsConnection): Promise<void> {
  const { key, worker, onTrouble } = door;
  try {
    if (error !== null) throw error;
    const order = openOrder(message.data, message.headers?.get(signatureHeader) ?? "", door);
    if (!("withdraw" in order)) throw new TurnedAway("it asks nothing");
    const receipt = await worker.withdraw(order.withdraw);
    connection.publish(subjects.answer(key), JSON.stringify({ v: 1, ask: order.ask, ...receipt }));
  } catch (cause) {
    onTrouble(`what the broker asks is not answered: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}
