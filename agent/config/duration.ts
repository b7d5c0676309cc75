import { z } from "zod";

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
const form = /^(\d+)(ms|s|m|h)$/u;

/** Node's timers hold 31 bits of milliseconds, and fire at once for more. */
const longest = 2 ** 31 - 1;

/** `10s`, `500ms`, `5m`, `2h`: text in files and flags, milliseconds by `milliseconds()`. */
export const duration = z
  .string()
  .regex(form, { error: "expected a duration such as 500ms, 10s, 5m or 2h" })
  .refine((text) => !form.test(text) || milliseconds(text) <= longest, { error: "expected 596h at most" });

/** Of what would be done without a pause, or never, in no time. */
export const positiveDuration = duration.refine((text) => !form.test(text) || milliseconds(text) > 0, {
  error: "expected more than 0",
});

export function milliseconds(text: string): number {
  const [, amount, unit] = form.exec(text) ?? [];
  if (unit !== "ms" && unit !== "s" && unit !== "m" && unit !== "h") throw new Error(`not a duration: ${text}`);
  return Number(amount) * units[unit];
}

const divisors = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60] as const;

/** Only what divides a minute: cron restarts its steps each minute, so others would not be even. */
export const interval = duration.refine(
  (text) => !form.test(text) || divisors.some((s) => s * 1000 === milliseconds(text)),
  {
    error: `expected an interval that divides a minute: ${divisors.map((s) => `${s}s`).join(", ")}`,
  },
);
