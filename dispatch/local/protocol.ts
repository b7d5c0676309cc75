import { z } from "zod";
import { answers } from "../hand-over.ts";
import { hostName, jobSchema, traceId, withdrawalSchema } from "../job.ts";

/** Bytes of a line, the newline included. */
export const maxLineBytes = 64 * 1024;

/** What the gateway may ask at the worker's socket for jobs: this, and nothing else. One line a connection. */
export const handOverRequest = z.union([
  z.strictObject({ v: z.literal(1), offer: jobSchema }),
  z.strictObject({ v: z.literal(1), withdraw: withdrawalSchema }),
]);

export const handOverAnswer = z.union([
  z.strictObject({ answer: z.enum(answers), trace: traceId }),
  z.strictObject({ error: z.string() }),
]);

/** How a job stands. Those from `healthy` on are ends. */
export const jobStates = [
  "waiting",
  /** For `overlaywatch approve`. */
  "approval",
  /** The helper is at it. */
  "working",
  /** Looked, and there was nothing active. */
  "healthy",
  /** Looked, told what would be done, and did nothing: that is the mode. */
  "observed",
  /** Done and verified; two looks later follow. */
  "healed",
  /** By a limit, a pause or a gate; told to people. */
  "refused",
  /** It is for a person now; told to people. */
  "escalated",
  /** The alert was over before it was begun. */
  "cancelled",
  /** Nobody approved it, or nothing could begin, in its time; told to people. */
  "expired",
] as const;

export const jobView = z.object({
  id: z.string(),
  trace: traceId,
  host: hostName,
  source: z.enum(["datadog", "host"]),
  state: z.enum(jobStates),
  /** Milliseconds since the epoch: when it was accepted, and when it came to this state. */
  at: z.int(),
  since: z.int(),
  /** A sentence for people. */
  message: z.string(),
  /** Datadog's, of its alert; empty where the host asks. */
  title: z.string().default(""),
  /** The commands that would be run. */
  plan: z.array(z.string()).default([]),
  /** Looks after a cure: when each is due, and what it found. */
  rechecks: z.array(z.object({ due: z.int(), found: z.string().optional() })),
});

/** What an operator may ask at the worker's other socket. */
export const controlRequest = z.union([
  z.strictObject({ v: z.literal(1), ask: z.literal("status") }),
  z.strictObject({ v: z.literal(1), ask: z.literal("jobs") }),
  z.strictObject({ v: z.literal(1), ask: z.literal("job"), id: z.string().max(64) }),
  z.strictObject({ v: z.literal(1), ask: z.literal("approve"), id: z.string().max(64), by: z.string().max(128) }),
  /** A webhook whose event is this is about to come: it proves that the way from the gateway to this host is right. */
  z.strictObject({ v: z.literal(1), ask: z.literal("expect"), event: z.string().max(32) }),
]);

export const controlAnswer = z.union([
  z.strictObject({ error: z.string() }),
  z.strictObject({
    host: hostName,
    /** As it is configured, and as it is in force: `auto` in stages may hold it back. */
    mode: z.enum(["observe", "approve", "auto"]),
    inForce: z.enum(["observe", "approve", "auto"]),
    /** When a webhook was seen to reach this host by its name; milliseconds since the epoch, or null. */
    proved: z.int().nullable(),
    jobs: z.array(jobView),
  }),
]);
