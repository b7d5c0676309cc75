import { deadline } from "../host/deadline.ts";
import { duration } from "./config/duration.ts";
import { milliseconds } from "./config/milliseconds.ts";
import { UsageError } from "./exit-codes.ts";

/** A duration from the command line, in milliseconds. Throws `UsageError` that names the flag. */
export function durationFlag(flag: string, text: string): number {
  const parsed = duration.safeParse(text);
  if (!parsed.success) throw new UsageError(`${flag} ${text}: ${parsed.error.issues[0]?.message ?? "not a duration"}`);
  return milliseconds(parsed.data);
}

/** Aborts with the signal, or after the time that `--for` gives. */
export function endingOf(text: string | undefined, signal: AbortSignal): AbortSignal {
  return text === undefined ? signal : deadline(signal, durationFlag("--for", text)).signal;
}

export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
