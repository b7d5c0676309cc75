import { createHash } from "node:crypto";
import { schedule } from "node-cron";

interface Job {
  readonly name: string;
  /** Milliseconds; divides a minute. */
  readonly interval: number;
  /** Spreads a fleet: the same host always runs at the same second. */
  readonly host: string;
  readonly run: () => Promise<void>;
  /** A run that came due while the last one still ran, or while the event loop was held: not made up for. */
  readonly missed: () => void;
}

/** Runs the job at even seconds of the minute, never twice at once. Returns what stops it. */
export function every({ name, interval, host, run, missed }: Job): () => Promise<void> {
  const task = schedule(cronText(interval, offset(host, interval)), run, {
    name,
    noOverlap: true,
    // Without it a job stands still for an hour when clocks go back.
    timezone: "UTC",
    // node-cron prints by itself otherwise.
    logger: { info: ignore, warn: ignore, error: ignore, debug: ignore },
  });
  task.on("execution:missed", missed);
  task.on("execution:overlap", missed);
  return async () => {
    await task.destroy();
  };
}

const ignore = () => undefined;

/** Seconds of the minute, as cron writes them: `3-59/10 * * * * *` is 3, 13, 23... */
export function cronText(interval: number, second: number): string {
  const step = interval / 1000;
  if (step === 1) return "* * * * * *";
  return `${step === 60 ? second : `${second}-59/${step}`} * * * * *`;
}

/** A fixed second below the interval: the fleet does not fire all at once, and no run is ever drawn twice in a flush. */
export function offset(host: string, interval: number): number {
  return createHash("sha256").update(host).digest().readUInt32BE(0) % (interval / 1000);
}
