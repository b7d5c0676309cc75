import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { inboxOf } from "../../dispatch/nats/server-config.ts";
import { hostApi, stream, subjects } from "../../dispatch/nats/subjects.ts";

/** What came of it. */
interface Harvest {
  readonly sent: number;
  /** By the server's own word. */
  readonly refused: number;
  /** Jobs of its own that it was given and has not acknowledged. */
  readonly held: number;
}

/** Messages of each kind in each turn, and milliseconds between two. */
const [burst, everyMs] = [10, 20];

/**
 * All that a host might try to hold up another's jobs by, with its own credentials, until `end`: it floods what it may say,
 * asks for jobs again and again, keeps its own without an answer or puts them off, and answers in the other's place.
 */
export function attack(connection: NatsConnection, own: string, other: string) {
  const counts = { sent: 0, refused: 0, held: 0 };
  void (async () => {
    for await (const one of connection.status()) if (one.type === "error") counts.refused++;
  })();
  const inbox = `${inboxOf(own)}.jobs`;
  const hold = (message: Msg): void => {
    if (message.data.length === 0) return;
    counts.held++;
    // For as long as it can: first in progress, then an hour later.
    message.respond("+WPI");
    message.respond(`-NAK ${JSON.stringify({ delay: 3600e9 })}`);
  };
  connection.subscribe(inbox, { callback: (error, message) => void (error === null && hold(message)) });
  const ask = JSON.stringify({ batch: 10, expires: 30e9 });
  const send = (subject: string, body: string, reply?: string): void => {
    counts.sent++;
    connection.publish(subject, body, reply === undefined ? {} : { reply });
  };
  const noise = "x".repeat(2000);
  const turn = (): void => {
    for (let n = 0; n < burst; n++)
      for (const subject of [subjects.told(own), subjects.presence(own), subjects.answer(own)]) send(subject, noise);
    send(`${hostApi}.CONSUMER.MSG.NEXT.${stream}.${own}`, ask, inbox);
    for (const word of ["+WPI", "-NAK", "+TERM"]) send(`$JS.ACK.${stream}.${other}.1.1.1.1.0`, word);
    send(`${hostApi}.CONSUMER.MSG.NEXT.${stream}.${other}`, ask, inbox);
  };
  const timer = setInterval(turn, everyMs);
  return {
    end: async (): Promise<Harvest> => {
      clearInterval(timer);
      await connection.flush();
      return counts;
    },
  };
}
