import type { EventDraft } from "./event.ts";
import type { Sample } from "./sample.ts";

export interface SinkStats {
  readonly samples: number;
  /** Samples that did not leave, by the reason that the sink gives (`invalid_value`, `transport`...). */
  readonly dropped: Readonly<Record<string, number>>;
  readonly lastError?: string;
}

/** Where samples go. A sink that is down never throws at the writer: it counts, and says so in `stats()`. */
export interface Sink {
  readonly name: string;
  /** One cycle of one collector; `at` is the cycle's time in milliseconds since the epoch. */
  readonly write: (samples: readonly Sample[], at: number) => void;
  /** Missing where what reads the sink knows no events. */
  readonly event?: (event: EventDraft) => void;
  readonly flush: () => Promise<void>;
  readonly close: () => Promise<void>;
  readonly stats: () => SinkStats;
}
