/** What of a process is needed: its signals, and a way to end it. */
interface Interruptible {
  readonly on: (signal: "SIGINT" | "SIGTERM", listener: () => void) => unknown;
  readonly exit: (code: number) => unknown;
}

export interface Interrupts {
  /** Aborted by the first. */
  readonly signal: AbortSignal;
  /** From now on the second does not end the process: who has to take down what it started says so, and comes to an end. */
  readonly outlast: () => void;
}

/** Ends at the second SIGINT or SIGTERM, with 130 as a shell says it of SIGINT, unless that is outlasted. */
export function interruptsOf(program: Interruptible): Interrupts {
  const shutdown = new AbortController();
  let isOutlasted = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    program.on(signal, () => {
      if (shutdown.signal.aborted && !isOutlasted) program.exit(130);
      shutdown.abort(new Error(signal));
    });
  }
  return { signal: shutdown.signal, outlast: () => void (isOutlasted = true) };
}
