import type { KeyObject } from "node:crypto";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { messageOf } from "../../host/thrown.ts";
import type { HandOver, Receipt } from "../hand-over.ts";
import type { Job } from "../job.ts";
import { answering, type Answers } from "./answering.ts";
import type { Broker } from "./connection.ts";
import { headerIn, openOrder, type Order, type Presence, type Told, TurnedAway } from "./protocol.ts";
import { Pull } from "./pull.ts";
import { hostKeyOf, signatureHeader, subjects } from "./subjects.ts";

export interface JobSourceOptions {
  /** This host's own. */
  readonly broker: Broker;
  /** As Datadog names it, in lower case. */
  readonly host: string;
  readonly gatewayKeys: readonly KeyObject[];
  /** Takes what is well: the worker's journal. */
  readonly worker: Pick<HandOver, "offer" | "withdraw">;
  /** To what the gateway asks. */
  readonly answers: Answers;
  /** At the first connection, and at each new one, before its sign of life. */
  readonly onConnected?: () => void;
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
  /** A sign of life now, where something of it has changed. */
  readonly sayPresence: () => void;
  /** Takes no more. What the worker is just taking is not answered to the broker, which sends it again. */
  readonly close: () => Promise<void>;
}

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
  const run = async (): Promise<void> => {
    connection = await broker.ready.catch(() => undefined);
    if (connection === undefined) return;
    await serve(connection, door, say);
  };
  const running = run();
  return {
    tell: door.tell,
    sayPresence: say,
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
  /** Aborted by `close`. */
  readonly signal: AbortSignal;
  readonly tell: (told: Told) => void;
}

async function serve(connection: NatsConnection, door: Door, say: () => void): Promise<void> {
  const { key, signal, broker, onTrouble } = door;
  const answer = answering({ ...door, connection, orderIn: (message) => orderIn(message, door) });
  connection.subscribe(subjects.ask(key), { callback: (error, message) => void answer(error, message) });
  const begin = (): void => {
    door.onConnected?.();
    // By it the gateway sees that this host is back, and tells it what holds.
    say();
  };
  begin();
  void eachReconnect(connection, begin);
  const take = async (message: Msg) => takeJob(message, connection, door);
  await new Pull({ broker, connection, key, signal, take, onTrouble }).run();
}

async function eachReconnect(connection: NatsConnection, begin: () => void): Promise<void> {
  for await (const { type } of connection.status()) if (type === "reconnect") begin();
}

/** Acknowledged when it is durable here; turned away for good; or to be sent again. */
async function takeJob(message: Msg, connection: NatsConnection, door: Door): Promise<void> {
  const { tell, onTrouble, againMs = 5000 } = door;
  try {
    const { id, trace } = await kept(orderIn(message, door), door);
    // Where this is lost, the job comes again, and is a duplicate.
    await connection.request(message.reply ?? "", "+ACK", { timeout: door.broker.timeoutMs });
    tell({ v: 1, id, trace, state: "taken", message: "it is in the host's journal", at: Date.now() });
  } catch (error) {
    if (door.signal.aborted) return;
    if (error instanceof TurnedAway) return turnAway(message, error, door);
    onTrouble(`a job could not be taken: ${messageOf(error)}`);
    message.respond(`-NAK ${JSON.stringify({ delay: againMs * 1_000_000 })}`);
  }
}

function turnAway(message: Msg, { message: why, job }: TurnedAway, { tell, onTrouble }: Door): void {
  onTrouble(`a job is turned away: ${why}`);
  // No reason with it: 2.9 reads `+TERM` alone.
  message.respond("+TERM");
  const { id = "", trace = "" } = job ?? {};
  tell({ v: 1, id, trace, state: "turned-away", message: why, at: Date.now() });
}

/** Throws `TurnedAway`. */
const orderIn = (message: Msg, door: Door): Order => openOrder(message.data, headerIn(message, signatureHeader), door);

const refusals: Readonly<Partial<Record<Receipt["answer"], string>>> = {
  full: "too many jobs wait on this host",
  "unknown-host": "this host is called otherwise",
};

/** Throws `TurnedAway`, or where it could not be kept. */
async function kept(order: Order, { worker }: Door): Promise<Job> {
  if (!("job" in order)) throw new TurnedAway("it is no job");
  const { answer } = await worker.offer(order.job);
  const refusal = refusals[answer];
  if (refusal !== undefined) throw new TurnedAway(refusal, order.job);
  return order.job;
}
