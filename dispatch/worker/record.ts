import { z } from "zod";
import { jobSchema } from "../job.ts";
import { jobStates } from "../local/protocol.ts";

export type JobState = (typeof jobStates)[number];

const time = z.int();

/** A job and how it stands: what the worker's journal holds. Times: milliseconds since the epoch. */
export const recordSchema = z.strictObject({
  job: jobSchema,
  state: z.enum(jobStates),
  /** When it was accepted, and when it came to this state. */
  at: time,
  since: time,
  /** A sentence for people. */
  message: z.string(),
  /** Nothing is begun before, and nothing after. */
  next: time,
  until: time,
  /** What the helper was last asked for it. */
  verb: z.enum(["look", "heal"]).exactOptional(),
  /** The commands that would be run. */
  plan: z.array(z.string()).exactOptional(),
  /** Who said that it is to be healed. */
  approvedBy: z.string().exactOptional(),
  /** The alert was over while the helper was at it. */
  over: z.literal(true).exactOptional(),
  /** How often in a row the helper gave no answer, and how often somebody else was at work. */
  failures: z.int().nonnegative(),
  busy: z.int().nonnegative(),
  /** How often a worker died over it. */
  interrupted: z.int().nonnegative(),
  rechecks: z.array(z.strictObject({ due: time, found: z.string().exactOptional(), failures: z.int().nonnegative() })),
});

export type JobRecord = z.output<typeof recordSchema>;

/** No more is to be done for it but to look again after a cure. */
const ends: ReadonlySet<JobState> = new Set(jobStates.slice(jobStates.indexOf("healthy")));

export const isEnd = (state: JobState): boolean => ends.has(state);

/** Nobody looks at it any more. */
export const isOver = ({ state, rechecks }: JobRecord): boolean =>
  isEnd(state) && rechecks.every(({ found }) => found !== undefined);

export const sourceOf = ({ job }: JobRecord): "datadog" | "host" => (job.alert === undefined ? "host" : "datadog");
