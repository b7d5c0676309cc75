const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
export const durationForm = /^(\d+)(ms|s|m|h)$/u;

/** Node's timers hold 31 bits of milliseconds, and fire at once for more. */
export const longestDuration = 2 ** 31 - 1;

/** Of a duration such as `500ms`, `10s`, `5m` or `2h`. No npm package here: the helper reads its settings by it. */
export function milliseconds(text: string): number {
  const [, amount, unit] = durationForm.exec(text) ?? [];
  if (unit !== "ms" && unit !== "s" && unit !== "m" && unit !== "h") throw new Error(`not a duration: ${text}`);
  return Number(amount) * units[unit];
}
