import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import { subjects } from "./subjects.ts";

interface Ears {
  readonly hear: (message: Msg) => void;
  /** What hosts answer can not be heard: nobody who asks now is told anything. */
  readonly onDeaf: (why: string) => void;
}

/**
 * Listens to what hosts answer while something is asked, and only then: what others of the same user ask, such as all tables of the
 * fleet, comes to everybody who listens.
 */
export function whileAsked(connection: NatsConnection, { hear, onDeaf }: Ears) {
  let [asking, listening]: [number, Subscription | undefined] = [0, undefined];
  const listen = () =>
    connection.subscribe(subjects.answer("*"), {
      callback: (error, message) => {
        if (error === null) return hear(message);
        // The server has refused it, and the client has dropped it.
        listening = undefined;
        onDeaf(`what hosts answer can not be heard: ${error.message}`);
      },
    });
  return async <T>(ask: () => Promise<T>): Promise<T> => {
    asking++;
    try {
      listening ??= listen();
      return await ask();
    } finally {
      asking--;
      if (asking === 0) {
        listening?.unsubscribe();
        listening = undefined;
      }
    }
  };
}
