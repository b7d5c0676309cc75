import { z } from "zod";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import type { Job } from "../job.ts";
import type { Broker } from "./connection.ts";
import { jobAt } from "./hand-over.ts";
import { jsonOf, type Presence, presenceSchema, type Told, toldSchema } from "./protocol.ts";
import { advisory, hostKeyOf, keyIn, stream, subjects } from "./subjects.ts";

/** A job that the broker does not deliver any more. It is for people now. */
export interface DeadLetter {
  /** `undelivered`: sent as often as it may be, and never taken. `turned-away`: the host does not do it. */
  readonly why: "undelivered" | "turned-away";
  /** Of the host. */
  readonly key: string;
  /** Undefined where it is too old, or no job at all. */
  readonly job: Job | undefined;
}

export interface FleetEvents {
  readonly onDeadLetter: (letter: DeadLetter) => void;
  /** A host tells of a job. It may lie, of its own jobs only. */
  readonly onTold: (key: string, told: Told) => void;
  /** What a host said is nothing that this version knows. */
  readonly onTrouble: (what: string) => void;
}

export interface Seen extends Presence {
  /** Milliseconds since the epoch, by our clock. */
  readonly at: number;
}

export interface Fleet {
  /** By host key: the last sign of life of each. */
  readonly seen: ReadonlyMap<string, Seen>;
}

/** What the gateway hears of its hosts, as long as its broker's connection lasts. */
export function watchFleet(broker: Broker, events: FleetEvents): Fleet {
  const seen = new Map<string, Seen>();
  void broker.ready.then(
    (connection) => {
      hear(connection, subjects.presence("*"), events, (message) => noteSeen(message, seen));
      hear(connection, subjects.told("*"), events, (message) => {
        const told = toldSchema.safeParse(jsonOf(message.data));
        if (told.success) events.onTold(keyIn(message.subject), told.data);
        return told.success;
      });
      for (const [kind, why] of deadly)
        hear(connection, `${advisory}.${kind}.${stream}.*`, events, (message) => {
          const letter = advisorySchema.safeParse(jsonOf(message.data));
          if (letter.success) void tell(connection, broker.timeoutMs, { ...letter.data, why }, events);
          return letter.success;
        });
    },
    () => undefined,
  );
  return { seen };
}

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
      if (error !== null) onTrouble(`${subject} can not be heard: ${error.message}`);
      else if (!read(message)) onTrouble(`${message.subject}: what came there is not understood, and is left out`);
    },
  });
}

function noteSeen(message: Msg, seen: Map<string, Seen>): boolean {
  const presence = presenceSchema.safeParse(jsonOf(message.data));
  const key = keyIn(message.subject);
  // A host that calls itself otherwise is not believed.
  if (!presence.success || hostKeyOf(presence.data.host) !== key) return false;
  seen.set(key, { ...presence.data, at: Date.now() });
  return true;
}

async function tell(
  connection: NatsConnection,
  timeoutMs: number,
  { consumer, stream_seq: seq, why }: z.output<typeof advisorySchema> & Pick<DeadLetter, "why">,
  { onDeadLetter }: FleetEvents,
): Promise<void> {
  onDeadLetter({ why, key: consumer, job: await jobAt({ connection, timeoutMs }, seq) });
}
