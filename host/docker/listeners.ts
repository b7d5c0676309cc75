import { messageOf } from "../thrown.ts";

export interface Listeners<T> {
  /** Returns how to end it. */
  readonly add: (listener: (value: T) => void) => () => void;
  readonly tell: (value: T) => void;
}

/** Who wants to be told. A listener that throws is logged, and stops neither the others nor who tells. */
export function listeners<T>(log: (level: "warn", message: string) => void): Listeners<T> {
  const all = new Set<(value: T) => void>();
  const callOne = (listener: (value: T) => void, value: T): void => {
    try {
      listener(value);
    } catch (error) {
      log("warn", `a listener to Docker's changes failed: ${messageOf(error)}`);
    }
  };
  return {
    add: (listener) => {
      // A function of its own, so that one listener added twice is told twice and ends twice.
      const own = (value: T): void => listener(value);
      all.add(own);
      return () => void all.delete(own);
    },
    tell: (value) => {
      for (const listener of all) callOne(listener, value);
    },
  };
}
