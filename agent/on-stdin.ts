import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { aborted } from "./ending.ts";

interface OnStdin {
  /** Work for one newline; never rejects. */
  readonly answer: () => Promise<void>;
  /** A newline came while so many waited that it is left out. */
  readonly missed: () => void;
  readonly signal: AbortSignal;
}

/** Newlines that may wait while one is answered: answers to a longer backlog would all tell of the same moment. */
const mostWaiting = 5;

/** How long the answers that are due when the input ends may take, in milliseconds. */
const grace = 1000;

/** Answers each newline, one after the other. Resolves when the input has ended and all is answered, or at the signal. */
export async function onStdin(input: Readable, { answer, missed, signal }: OnStdin): Promise<void> {
  let waiting = 0;
  let working: Promise<void> | undefined;
  const work = async () => {
    for (; waiting > 0 && !signal.aborted; waiting--) await answer();
    working = undefined;
  };
  const hear = (chunk: Buffer | string) => {
    for (const byte of Buffer.from(chunk)) {
      if (byte !== newline) continue;
      if (waiting > mostWaiting) missed();
      else waiting++;
    }
    if (waiting > 0) working ??= work();
  };
  input.on("data", hear);
  await Promise.race([ended(input), aborted(signal)]);
  await Promise.race([working, aborted(signal), sleep(grace)]);
  input.off("data", hear);
}

const newline = 0x0a;

function ended(input: Readable): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ["end", "close", "error"]) input.once(event, () => resolve());
  });
}
