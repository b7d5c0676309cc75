import { createHash } from "node:crypto";
import { z } from "zod";

/** As Datadog names a host, in lower case: 1 to 253 letters, digits, `.`, `_` and `-`; no two dots side by side. */
export const hostName = z
  .string()
  .regex(/^(?!.*\.\.)[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?$/u, { error: "expected a host's name" });

/** 32 hexadecimal digits: the same from the request to the last look at what came of it. */
export const traceId = z.string().regex(/^[0-9a-f]{32}$/u, { error: "expected a trace id" });

/** 64 hexadecimal digits. */
const jobId = z.string().regex(/^[0-9a-f]{64}$/u, { error: "expected a job's id" });

const words = (max: number) => z.string().max(max);

/** What Datadog says of the alert: for people and for the id, never a word of what is to be done. */
const alert = z.strictObject({
  monitor: words(32),
  cycle: words(256),
  event: words(32),
  org: words(32),
  transition: z.enum(["Triggered", "Re-Triggered"]),
  scope: words(1024),
  title: words(1024),
  link: words(1024),
});

/** Asks one host to look at itself. It carries no address, device, path or command. Times: milliseconds since the epoch. */
export const jobSchema = z.strictObject({
  v: z.literal(1),
  id: jobId,
  trace: traceId,
  host: hostName,
  /** Of Datadog's webhook; without it the host's own pipeline asks. */
  alert: alert.optional(),
  at: z.int().nonnegative(),
  /** After that moment nothing is begun for it. */
  notAfter: z.int().nonnegative(),
});

export type Job = z.output<typeof jobSchema>;
export type Alert = z.output<typeof alert>;

/** How the cycle of a sample of `webhook test` begins; those of Datadog are numbers. */
export const testCycle = "test-";

/** A sample: whatever the mode, nothing is changed for it. */
export const isTest = (job: Job): boolean => job.alert?.cycle.startsWith(testCycle) === true;

/** The alert is over: what still waits for that host and alert cycle need not be done. */
export const withdrawalSchema = z.strictObject({
  v: z.literal(1),
  trace: traceId,
  host: hostName,
  monitor: words(32),
  cycle: words(256),
});

export type Withdrawal = z.output<typeof withdrawalSchema>;

/** The same for every delivery of the same event: Datadog sends one again where it got no answer, or a 5xx. */
export function jobIdOf(host: string, { monitor, cycle, transition, event }: Alert): string {
  return createHash("sha256")
    .update(JSON.stringify([monitor, cycle, host, transition, event]))
    .digest("hex");
}
