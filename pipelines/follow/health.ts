/** As a Datadog service check has it. */
export type HealthStatus = "ok" | "warning" | "critical";

export interface Health {
  readonly status: HealthStatus;
  /** Empty where all is well. */
  readonly message: string;
}

export interface Vitals {
  /** Milliseconds since the follower started. */
  readonly up: number;
  /** Milliseconds since the recorder's last heartbeat was stored; undefined before the first. */
  readonly silence: number | undefined;
  /** Milliseconds that the last entry was old when it was read. */
  readonly lag: number;
  readonly catchingUp: boolean;
  /** Why the journal is not read. */
  readonly problem: string | undefined;
  /** Why the checkpoint could not be written. */
  readonly unsaved: string | undefined;
}

/** Milliseconds. A heartbeat comes every 10 s. */
const [silenceLimit, lagLimit] = [30_000, 60_000];

export function judge({ up, silence, lag, catchingUp, problem, unsaved }: Vitals): Health {
  if (problem !== undefined) return { status: "critical", message: `the journal is not read: ${problem}` };
  if (catchingUp && lag > lagLimit)
    return { status: "warning", message: `reading the journal ${Math.round(lag / 1000)} s behind` };
  const silent = silence ?? up;
  if (!catchingUp && silent > silenceLimit) return { status: "critical", message: silenceText(silence, silent) };
  if (unsaved !== undefined) return { status: "warning", message: unsaved };
  return { status: "ok", message: "" };
}

function silenceText(silence: number | undefined, silent: number): string {
  const seconds = Math.round(silent / 1000);
  return silence === undefined
    ? `no recorder has written to the journal since ${seconds} s ago, when reading began`
    : `no heartbeat of the recorder for ${seconds} s`;
}
