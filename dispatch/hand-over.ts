import type { Job, Withdrawal } from "./job.ts";

/** What became of what was handed over. */
export const answers = [
  /** It is on a disk, and will come to an end. */
  "accepted",
  /** It was accepted before, whatever has become of it; nothing is done twice. */
  "duplicate",
  /** So many wait already: not taken. Nothing that is sent again helps. */
  "full",
  /** Nobody looks after a host of that name. */
  "unknown-host",
  /** Of a withdrawal: what still waited was taken back. */
  "withdrawn",
  /** Of a withdrawal: nothing waited. */
  "nothing",
] as const;

export interface Receipt {
  readonly answer: (typeof answers)[number];
  /** Of a duplicate: the trace id of the first. */
  readonly trace: string;
}

/** The way from the gateway to the worker of the host: its own socket, or a broker. */
export interface HandOver {
  /** Resolves when what was accepted is durable. Rejects with `NotHandedOver`, and then it may be offered again. */
  readonly offer: (job: Job) => Promise<Receipt>;
  readonly withdraw: (withdrawal: Withdrawal) => Promise<Receipt>;
  readonly close: () => Promise<void>;
}

/** It is not known to be durable: who asked is to ask again. */
export class NotHandedOver extends Error {
  override readonly name = "NotHandedOver";
}
