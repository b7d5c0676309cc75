import { z } from "zod";
import { durationForm, longestDuration, milliseconds } from "./milliseconds.ts";

/** `10s`, `500ms`, `5m`, `2h`: text in files and flags, milliseconds by `milliseconds()`. */
export const duration = z
  .string()
  .regex(durationForm, { error: "expected a duration such as 500ms, 10s, 5m or 2h" })
  .refine((text) => !durationForm.test(text) || milliseconds(text) <= longestDuration, {
    error: "expected 596h at most",
  });

/** Of what would be done without a pause, or never, in no time. */
export const positiveDuration = duration.refine((text) => !durationForm.test(text) || milliseconds(text) > 0, {
  error: "expected more than 0",
});

const divisors = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60] as const;

/** Only what divides a minute: cron restarts its steps each minute, so others would not be even. */
export const interval = duration.refine(
  (text) => !durationForm.test(text) || divisors.some((s) => s * 1000 === milliseconds(text)),
  {
    error: `expected an interval that divides a minute: ${divisors.map((s) => `${s}s`).join(", ")}`,
  },
);
