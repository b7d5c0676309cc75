import type { KeyObject } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type Consumer, jetstream, type JsMsg } from "@nats-io/jetstream";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import type { HandOver } from "../hand-over.ts";
import type { Broker } from "./connection.ts";
import { openOrder, type Presence, type Told, TurnedAway } from "./protocol.ts";
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

/** Milliseconds that the broker keeps a question for the next job. */
const pullMs = 10_000;

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

async function takeAll(connection: NatsConnection, door: Door): Promise<void> {
  const { key, broker, signal, onTrouble } = door;
  const client = jetstream(connection, { apiPrefix: hostApi, timeout: broker.timeoutMs });
  let consumer: Consumer | undefined;
  let last = "";
  while (!signal.aborted) {
    try {
      consumer ??= await client.consumers.get(stream, key);
      const message = await consumer.next({ expires: pullMs });
      if (message !== null && !signal.aborted) await take(message, door);
      last = "";
    } catch (error) {
      consumer = undefined;
      const trouble = `jobs can not be had from the broker: ${error instanceof Error ? error.message : String(error)}`;
      // The connection tells its own end.
      if (trouble !== last && broker.isConnected() && !signal.aborted) onTrouble((last = trouble));
      await sleep(1000, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** Acknowledged when it is durable here; turned away for good; or to be sent again. */
async function take(message: JsMsg, door: Door): Promise<void> {
  const { worker, tell, onTrouble, againMs = 5000 } = door;
  try {
    const order = openOrder(message.data, message.headers?.get(signatureHeader) ?? "", door);
    if (!("job" in order)) throw new TurnedAway("it is no job");
    const { job } = order;
    const { answer } = await worker.offer(job);
    if (answer !== "accepted" && answer !== "duplicate")
      throw new TurnedAway(answer === "full" ? "too many jobs wait on this host" : "this host is called otherwise", job);
    // Where this is lost, the job comes again, and is a duplicate.
    await message.ackAck({ timeout: door.broker.timeoutMs });
    tell({ v: 1, id: job.id, trace: job.trace, state: "taken", message: "it is in the host's journal", at: Date.now() });
  } catch (error) {
    const what = `job ${message.seq} of the broker`;
    if (!(error instanceof TurnedAway)) {
      onTrouble(`${what} could not be taken: ${error instanceof Error ? error.message : String(error)}`);
      return message.nak(againMs);
    }
    onTrouble(`${what} is turned away: ${error.message}`);
    // No word with it: 2.9 reads `+TERM` alone.
    message.term();
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
