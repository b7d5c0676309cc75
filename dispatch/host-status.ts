import { z } from "zod";
import { jobStates } from "./local/protocol.ts";

const sentence = z.string().max(2000);

/** What a host says of itself; it may lie, of itself only. Times: milliseconds since the epoch. */
export const hostStatus = z.strictObject({
  host: z.string().max(255),
  version: z.string().max(64),
  /** As it is configured, and as it is in force: staged `auto` may hold it back. */
  mode: z.enum(["observe", "approve", "auto"]),
  inForce: z.enum(["observe", "approve", "auto"]),
  /** When a page was seen to reach it by its name. */
  proved: z.int().nullable(),
  /** Why nothing is healed: pauses, kill switch, breaker. Null where its helper does not tell. */
  paused: z.array(sentence).nullable(),
  /** Jobs without an end, and of them those that wait for a person. */
  open: z.int(),
  approval: z.int(),
  /** The last job that ended, and the last that healed. */
  last: z.strictObject({ state: z.enum(jobStates), at: z.int(), message: sentence }).nullable(),
  lastCure: z.strictObject({ at: z.int(), message: sentence }).nullable(),
});

export type HostStatus = z.output<typeof hostStatus>;
