import type { z } from "zod";
import type { dashboardBody, MonitorBody, webhookBody } from "../body.ts";
import type { ReadQuery } from "../query.ts";

/** What is wrong with a field: `options.thresholds.warning`. */
export interface Complaint {
  readonly field: string;
  readonly message: string;
}

/** What is there to refer to. */
export interface Surroundings {
  /** Full names of this program's metrics, and what they all begin with. */
  readonly metrics: ReadonlySet<string>;
  readonly prefix: string;
  /** Names that `@webhook-NAME` may have. */
  readonly webhooks: ReadonlySet<string>;
  /** `; did you mean X?`, or nothing. */
  readonly nearest: (word: string, known: readonly string[]) => string;
}

/** A rule has a tag, under which it is told and tested. */
export interface Rule {
  readonly tag: string;
  readonly monitor?: (body: MonitorBody, query: ReadQuery, around: Surroundings) => readonly Complaint[];
  readonly webhook?: (body: z.output<typeof webhookBody>) => readonly Complaint[];
  readonly dashboard?: (body: z.output<typeof dashboardBody>, around: Surroundings) => readonly Complaint[];
}

/** A complaint where the condition holds. */
export const when = (wrong: boolean, field: string, message: string): readonly Complaint[] =>
  wrong ? [{ field, message }] : [];
