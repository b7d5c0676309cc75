import type { Inventory } from "./docker/inventory.ts";

/** Everything that a collector may learn from the machine that it runs on. */
export interface Host {
  readonly proc: Procfs;
  readonly docker: DockerView;
  readonly clock: Clock;
}

export interface Procfs {
  /**
   * A handle that stays with this very process: once it has died, reads fail, also when its number was given to
   * another one. Throws `NotAvailable` where there is no such process.
   */
  readonly open: (pid: number) => ProcessHandle;
  /** The namespace that counts as the host's own: `/proc/self`, or `DIR/proc/1` under `--host-root DIR`. */
  readonly host: () => ProcessHandle;
}

export interface ProcessHandle {
  readonly pid: number;
  /** A file below `/proc/PID`, whole. Throws `NotAvailable` where it is missing or the process is gone. */
  readonly text: (path: string) => string;
  /** Inode number of a file below `/proc/PID`; that of `net/dev` is the same for all processes of one network namespace. */
  readonly inode: (path: string) => number;
  readonly close: () => void;
}

export interface DockerView {
  /** The last known good inventory, at once; `state` and `asOf` say how good. */
  readonly inventory: () => Inventory;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds of a clock that is never set: for durations. */
  readonly monotonic: () => number;
}

/** The source is not there on this machine, or not any more: a normal state, never an error in the log. */
export class NotAvailable extends Error {
  override readonly name = "NotAvailable";
}
