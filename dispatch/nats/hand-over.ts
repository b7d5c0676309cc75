import { type KeyObject, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type ConsumerInfo, JetStreamApiError, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { headers, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { type HandOver, NotHandedOver, type Receipt } from "../hand-over.ts";
import type { Job, Withdrawal } from "../job.ts";
import type { Broker } from "./connection.ts";
import type { Admits } from "./flood.ts";
import { answerSchema, headerIn, jobIn, jsonOf, type Sealed, sealJob, sealWithdrawal } from "./protocol.ts";
import { answerHeader, hostKeyOf, keyIn, signatureHeader, stream, subjects } from "./subjects.ts";
import { whileAsked } from "./while-asked.ts";

/** JetStream's error codes. */
const [consumerNotFound, capReached] = [10014, 10077];

interface NatsHandOverOptions {
  /** The gateway's. */
  readonly broker: Broker;
  /** Private: what is not signed with it no host does. */
  readonly signingKey: KeyObject;
  /** Whether one more message of a host is read; all, unless told. */
  readonly admits?: Admits;
}

/**
 * From the gateway to a host through the broker. A job waits in the stream for its host. A withdrawal is asked of the host
 * while it is there: kept in the stream, it would take a place under the caps, and there would be no telling whether
 * anything was taken back.
 */
export function natsHandOver({ broker, signingKey, admits = () => true }: NatsHandOverOptions): HandOver {
  const asking = askedOf(admits);
  return {
    offer: (job) => handedOver(broker, "job", async (link) => offer(link, job, sealJob(job, signingKey))),
    withdraw: (withdrawal) =>
      handedOver(broker, "withdrawal", async (link) => {
        // Of each try: a host answers the same question once.
        const id = randomBytes(16).toString("hex");
        return withdraw(link, withdrawal, id, sealWithdrawal(withdrawal, id, Date.now(), signingKey), asking);
      }),
    close: broker.close,
  };
}

export interface Link {
  readonly connection: NatsConnection;
  readonly timeoutMs: number;
}

async function handedOver(broker: Broker, what: string, work: (link: Link) => Promise<Receipt>): Promise<Receipt> {
  try {
    // While it is away, the client would keep what is published, and send it when nobody waits for it any more.
    if (!broker.isConnected()) throw new Error("there is no connection to the broker");
    return await settled(work, { connection: await broker.ready, timeoutMs: broker.timeoutMs });
  } catch (cause) {
    if (cause instanceof NotHandedOver) throw cause;
    throw new NotHandedOver(`the ${what} could not be handed to the broker`, { cause });
  }
}

/** While it reads its configuration again, or has just been started, a broker has no JetStream for a moment. */
async function settled(work: (link: Link) => Promise<Receipt>, link: Link): Promise<Receipt> {
  for (let left = 3; ; left--) {
    try {
      return await work(link);
    } catch (error) {
      const isPassing = error instanceof Error && error.name === "JetStreamNotEnabled";
      if (!isPassing || left === 0) throw error;
    }
    await sleep(250);
  }
}

async function offer(link: Link, job: Job, sealed: Sealed): Promise<Receipt> {
  const { trace } = job;
  if ((await consumerOf(link, job.host)) === undefined) return { answer: "unknown-host", trace };
  const subject = subjects.job(hostKeyOf(job.host));
  try {
    const { duplicate, seq } = await jetstream(link.connection, { timeout: link.timeoutMs }).publish(
      subject,
      sealed.body,
      { msgID: job.id, headers: signed(sealed), expect: { streamName: stream } },
    );
    return duplicate ? { answer: "duplicate", trace: await traceAt(link, seq, trace) } : { answer: "accepted", trace };
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === capReached) return { answer: "full", trace };
    throw error;
  }
}

async function withdraw(
  link: Link,
  { host, trace }: Withdrawal,
  ask: string,
  sealed: Sealed,
  asking: Asking,
): Promise<Receipt> {
  const key = hostKeyOf(host);
  if ((await consumerOf(link, host)) === undefined) return { answer: "unknown-host", trace };
  const send = () => link.connection.publish(subjects.ask(key), sealed.body, { headers: signed(sealed) });
  const answer = await asking(link.connection, { ask, key, timeoutMs: link.timeoutMs }, send);
  const receipt = { answer, trace };
  if (receipt.answer !== "nothing") return receipt;
  // The host has none, but one is on its way to it.
  const { num_pending: waiting = 0, num_ack_pending: underway = 0 } = (await consumerOf(link, host)) ?? {};
  if (waiting + underway > 0) throw new NotHandedOver(`a job for ${host} is still on its way there`);
  return receipt;
}

function signed({ signature }: Sealed) {
  const made = headers();
  made.set(signatureHeader, signature);
  return made;
}

/** The fleet is who has a consumer. Undefined for all others. */
export async function consumerOf({ connection, timeoutMs }: Link, host: string): Promise<ConsumerInfo | undefined> {
  const manager = await jetstreamManager(connection, { checkAPI: false, timeout: timeoutMs });
  try {
    return await manager.consumers.info(stream, hostKeyOf(host));
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === consumerNotFound) return undefined;
    throw error;
  }
}

/** The job itself, of a place in the stream; undefined where it is too old, or not to be had in time. */
export async function jobAt({ connection, timeoutMs }: Link, seq: number): Promise<Job | undefined> {
  const manager = await jetstreamManager(connection, { checkAPI: false, timeout: timeoutMs });
  const message = await manager.streams.getMessage(stream, { seq }).catch(() => null);
  return message === null ? undefined : jobIn(message.data);
}

const traceAt = async (link: Link, seq: number, otherwise: string): Promise<string> =>
  (await jobAt(link, seq))?.trace ?? otherwise;

/** Who waits for a host's answer. */
interface Asked {
  readonly key: string;
  readonly settle: (answer: Receipt["answer"]) => void;
  readonly fail: (error: Error) => void;
}

interface Ask {
  readonly ask: string;
  readonly key: string;
  readonly timeoutMs: number;
}

type Asking = (connection: NatsConnection, ask: Ask, send: () => void) => Promise<Receipt["answer"]>;

/** Bytes of a receipt, and some more. */
const mostBytes = 1024;

function askedOf(admits: Admits): Asking {
  const asked = new Map<string, Asked>();
  const ears = {
    hear: (message: Msg) => hear(message, asked, admits),
    onDeaf: (why: string) => {
      for (const { fail } of asked.values()) fail(new Error(why));
    },
  };
  let listening: ReturnType<typeof whileAsked> | undefined;
  return async (connection, ask, send) => {
    listening ??= whileAsked(connection, ears);
    return listening(async () => answerTo(asked, ask, send));
  };
}

function hear(message: Msg, asked: ReadonlyMap<string, Asked>, admits: Admits): void {
  // Pieces of other answers are for who has asked for them.
  if (headerIn(message, answerHeader) !== "" || message.data.length > mostBytes) return;
  if (!admits(keyIn(message.subject))) return;
  const read = answerSchema.safeParse(jsonOf(message.data));
  if (!read.success) return;
  const waiting = asked.get(read.data.ask);
  // Of the host that was asked: another can publish under its own key only.
  if (waiting?.key === keyIn(message.subject)) waiting.settle(read.data.answer);
}

async function answerTo(
  asked: Map<string, Asked>,
  { ask, key, timeoutMs }: Ask,
  send: () => void,
): Promise<Receipt["answer"]> {
  let timer: NodeJS.Timeout | undefined;
  return new Promise<Receipt["answer"]>((settle, fail) => {
    const late = () => fail(new Error(`the host has not answered within ${timeoutMs} ms`));
    timer = setTimeout(late, timeoutMs);
    asked.set(ask, { key, settle, fail });
    send();
  }).finally(() => {
    clearTimeout(timer);
    asked.delete(ask);
  });
}
