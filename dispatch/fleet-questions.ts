import type { HostTables } from "../overlay/explain/tables.ts";
import type { HostStatus } from "./host-status.ts";

/** Of one host that was asked. A host that does not answer is never "gone": nothing is known of it. */
export type Reply<Answer> =
  | { readonly host: string; readonly answer: Answer }
  | { readonly host: string; /** A sentence for people. */ readonly trouble: string };

/** What the gateway's machine may ask every host of its fleet, signed as jobs are. Reject where the broker is not there. */
export interface FleetQuestions {
  /** Names of all hosts that have a place at the broker, sorted. */
  readonly hosts: () => Promise<readonly string[]>;
  /** One reply for each of `hosts`, in their order, within the deadline. */
  readonly status: (hosts: readonly string[], signal: AbortSignal) => Promise<readonly Reply<HostStatus>[]>;
  /** Read by each host's helper now: its overlays' tables, its local endpoints, its way to the others. */
  readonly tables: (hosts: readonly string[], signal: AbortSignal) => Promise<readonly Reply<HostTables>[]>;
  readonly close: () => Promise<void>;
}
