import type { Writable } from "node:stream";
import { printable } from "../emit/console/table.ts";

export interface Log {
  readonly info: (message: string) => void;
  /** Once a minute for one `key` at most (the message where there is none): a fault that lasts is said, not repeated each cycle. */
  readonly warn: (message: string, key?: string) => void;
  readonly error: (message: string, key?: string) => void;
}

/** For commands that say themselves what went wrong, once. */
export const silentLog: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

const repeatAfter = 60_000;

/** One line an entry: time, level, message; names from outside in it can neither end the line nor steer a terminal. Only entry points write: the rest returns or throws what it has to say. */
export function streamLog(out: Writable, now: () => number = Date.now): Log {
  const last = new Map<string, { at: number; held: number }>();
  const write = (level: string, message: string) =>
    void out.write(
      `${new Date(now()).toISOString()} ${level} ${printable(message.trim().replaceAll(/\s*\n\s*/gu, "; "))}\n`,
    );
  const limited =
    (level: string) =>
    (message: string, key = message) => {
      const before = last.get(key);
      if (before !== undefined && now() - before.at < repeatAfter) {
        before.held++;
        return;
      }
      if (last.size > 1000) last.clear();
      last.set(key, { at: now(), held: 0 });
      write(
        level,
        before === undefined || before.held === 0 ? message : `${message} (${before.held} more of it since)`,
      );
    };
  return { info: (message) => write("INFO", message), warn: limited("WARN"), error: limited("ERROR") };
}
