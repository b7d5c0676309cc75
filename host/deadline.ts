export interface Deadline {
  readonly signal: AbortSignal;
  /** To be called when the work is over: takes the timer and the listener away. */
  readonly clear: () => void;
}

/**
 * A signal that aborts with its parent, or after `ms` milliseconds with a `TimeoutError`. Not `AbortSignal.any` with
 * `AbortSignal.timeout`: Node 20 collects such a signal as garbage before it fires, and keeps one more listener on a
 * long-lived parent for each that it makes.
 */
export function deadline(parent: AbortSignal, ms: number): Deadline {
  const own = new AbortController();
  const follow = () => own.abort(parent.reason);
  const timer = setTimeout(() => own.abort(new DOMException(`not done after ${ms} ms`, "TimeoutError")), ms);
  const clear = () => {
    clearTimeout(timer);
    parent.removeEventListener("abort", follow);
  };
  own.signal.addEventListener("abort", clear, { once: true });
  if (parent.aborted) follow();
  else parent.addEventListener("abort", follow, { once: true });
  return { signal: own.signal, clear };
}
