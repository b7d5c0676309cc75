import { jetstreamManager, type StoredMsg } from "@nats-io/jetstream";
import { z } from "zod";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { messageOf } from "../../host/thrown.ts";
import type { Job } from "../job.ts";
import type { Broker } from "./connection.ts";
import { type Admits, floodGate, mostHosts } from "./flood.ts";
import { consumerOf, jobAt, type Link } from "./hand-over.ts";
import { type HeardPresence, jobIn, jsonOf, presenceSchema, type Told, toldSchema } from "./protocol.ts";
import { advisory, hostKeyOf, keyIn, stream, subjects } from "./subjects.ts";

/** A job that the broker does not deliver any more. It is for people now. */
export interface DeadLetter {
  /**
   * `undelivered`: sent as often as it may be, and never taken. `turned-away`: the host does not do it. `not-taken`: it
   * still waits; the host may be away, and take it when it comes back in time.
   */
  readonly why: "undelivered" | "turned-away" | "not-taken";
  /** Of the host. */
  readonly key: string;
  /** Undefined where it is too old, or no job at all. */
  readonly job: Job | undefined;
}

export interface FleetEvents {
  readonly onDeadLetter: (letter: DeadLetter) => void;
  /** A host tells of a job. It may lie, of its own jobs only. */
  readonly onTold: (key: string, told: Told) => void;
  /** A host has given a sign of life, which is in `seen`. */
  readonly onSeen?: (key: string) => void;
  /** `key`: what else is told under it is more of the same. It has the host's key where it is of one. */
  readonly onTrouble: (what: string, key: string) => void;
}

export interface Seen extends HeardPresence {
  /** Milliseconds since the epoch, by our clock. */
  readonly at: number;
}

export interface Fleet {
  /** By host key: the last sign of life of each. */
  readonly seen: ReadonlyMap<string, Seen>;
  /** Counts what a host sends: all that listen to hosts ask the same. */
  readonly admits: Admits;
}

/** Milliseconds after which a job that no host has taken is told. */
const patience = 60_000;

/** What the gateway hears of its hosts, as long as its broker's connection lasts. */
export function watchFleet(broker: Broker, events: FleetEvents, untakenMs = patience): Fleet {
  const seen = new Map<string, Seen>();
  const admits = floodGate(events.onTrouble);
  void listen(broker, events, untakenMs, { seen, admits });
  return { seen, admits };
}

interface Heard {
  readonly seen: Map<string, Seen>;
  readonly admits: Admits;
}

async function listen(broker: Broker, events: FleetEvents, untakenMs: number, { seen, admits }: Heard): Promise<void> {
  const connection = await broker.ready.catch(() => undefined);
  if (connection === undefined) return;
  const link = { connection, timeoutMs: broker.timeoutMs };
  const hearHost = (subject: string, read: (message: Msg) => boolean) =>
    hear(connection, subject, events, (message) => {
      if (!admits(keyIn(message.subject))) return true;
      return message.data.length <= mostBytes && read(message);
    });
  hearHost(subjects.presence("*"), (message) => {
    const isSeen = noteSeen(message, seen);
    if (isSeen) events.onSeen?.(keyIn(message.subject));
    return isSeen;
  });
  hearHost(subjects.told("*"), (message) => {
    const told = toldSchema.safeParse(jsonOf(message.data));
    if (told.success) events.onTold(keyIn(message.subject), told.data);
    return told.success;
  });
  for (const [kind, why] of deadly)
    hear(connection, `${advisory}.${kind}.${stream}.*`, events, (message) => {
      const letter = advisorySchema.safeParse(jsonOf(message.data));
      if (letter.success) void tell(link, { ...letter.data, why }, events);
      return letter.success;
    });
  lookForUntaken(link, untakenMs, events);
}

/** Of what a host tells: 2000 characters, and what is around them. */
const mostBytes = 16 * 1024;

const deadly = [
  ["MAX_DELIVERIES", "undelivered"],
  ["MSG_TERMINATED", "turned-away"],
] as const;

const advisorySchema = z.object({ consumer: z.string(), stream_seq: z.int() });

function hear(
  connection: NatsConnection,
  subject: string,
  { onTrouble }: FleetEvents,
  read: (message: Msg) => boolean,
): void {
  connection.subscribe(subject, {
    callback: (error, message) => {
      if (error !== null) onTrouble(`${subject} can not be heard: ${error.message}`, subject);
      else if (!read(message))
        onTrouble(`${message.subject}: what came there is not understood, and is left out`, message.subject);
    },
  });
}

function noteSeen(message: Msg, seen: Map<string, Seen>): boolean {
  const presence = presenceSchema.safeParse(jsonOf(message.data));
  const key = keyIn(message.subject);
  // A host that calls itself otherwise is not believed.
  if (!presence.success || hostKeyOf(presence.data.host) !== key) return false;
  if (seen.size >= mostHosts && !seen.has(key)) return false;
  seen.set(key, { ...presence.data, at: Date.now() });
  return true;
}

async function tell(
  link: Link,
  { consumer, stream_seq: seq, why }: z.output<typeof advisorySchema> & Pick<DeadLetter, "why">,
  { onDeadLetter }: FleetEvents,
): Promise<void> {
  onDeadLetter({ why, key: consumer, job: await jobAt(link, seq) });
}

/** By what the broker holds: a gateway that was started anew misses none. Each is told once. */
function lookForUntaken(link: Link, untakenMs: number, { onDeadLetter, onTrouble }: FleetEvents): void {
  let told: ReadonlySet<number> = new Set<number>();
  let looking = Promise.resolve();
  const look = async () => {
    const found = await untaken(link, untakenMs);
    for (const { seq, letter } of found) if (!told.has(seq)) onDeadLetter(letter);
    told = new Set(found.map(({ seq }) => seq));
  };
  const timer = setInterval(() => {
    looking = looking.then(look).catch((error: unknown) => {
      const why = messageOf(error);
      onTrouble(`jobs that nobody takes can not be looked for: ${why}`, "not-taken");
    });
  }, untakenMs / 2);
  void link.connection.closed().then(() => clearInterval(timer));
}

interface Untaken {
  /** Its place in the stream. */
  readonly seq: number;
  readonly letter: DeadLetter;
}

/** Those that wait for longer. The broker holds a window's jobs: so many as its cap for the fleet. */
async function untaken(link: Link, untakenMs: number): Promise<readonly Untaken[]> {
  const found: Untaken[] = [];
  for await (const { seq, subject, time, data } of held(link)) {
    if (Date.now() - time.getTime() < untakenMs) break;
    const [key, job] = [keyIn(subject), jobIn(data)];
    const consumer = job === undefined ? undefined : await consumerOf(link, job.host);
    if (consumer !== undefined && consumer.ack_floor.stream_seq < seq)
      found.push({ seq, letter: { why: "not-taken", key, job } });
  }
  return found;
}

async function* held({ connection, timeoutMs }: Link): AsyncGenerator<StoredMsg> {
  const manager = await jetstreamManager(connection, { checkAPI: false, timeout: timeoutMs });
  const { state } = await manager.streams.info(stream);
  for (let seq = Math.max(1, state.first_seq); seq <= state.last_seq; seq++) {
    const message = await manager.streams.getMessage(stream, { seq });
    if (message !== null) yield message;
  }
}
