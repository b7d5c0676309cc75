/** What the writer's two threads say to each other. */
export interface Batch {
  readonly id: number;
  /** Of `entryText`, with `entryEnd` between them. */
  readonly text: string;
}

export interface Receipt {
  readonly id: number;
  /** So many entries from the batch's start are dealt with: in journald's socket, or `bad`. */
  readonly done: number;
  /** Those of them that the system will never take: too big, or malformed. */
  readonly bad: number;
  /** Why the batch was not done to its end, or why entries are bad. */
  readonly why?: string;
  /** Absent where the batch is done: entries may be bad all the same. */
  readonly fault?: Fault;
}

/** Told once, of a thread that works all the same. */
export interface Warning {
  readonly warning: string;
}

/** For a batch: the thread is to end, once it has done what came before. */
export const endOrder = "end";

/** `absent`: no socket, so no journald here. `refusing`: nobody reads it. `hung`: somebody should, and does not. */
export type Fault = "absent" | "refusing" | "hung";
