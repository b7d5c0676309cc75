import type { Operator } from "./plain-query.ts";

export type Status = "OK" | "Warn" | "Alert" | "No Data";

export interface Thresholds {
  readonly critical: number;
  readonly criticalRecovery?: number | undefined;
  readonly warning?: number | undefined;
  readonly warningRecovery?: number | undefined;
}

const crossed: Readonly<Record<Operator, (value: number, threshold: number) => boolean>> = {
  ">": (value, threshold) => value > threshold,
  ">=": (value, threshold) => value >= threshold,
  "<": (value, threshold) => value < threshold,
  "<=": (value, threshold) => value <= threshold,
  "==": (value, threshold) => value === threshold,
  "!=": (value, threshold) => value !== threshold,
};

/**
 * The state that a value makes of the state before. The condition of recovery is the opposite of the alert's, at the
 * recovery threshold (docs: Recovery thresholds): a `>` alert goes on while the value is above that.
 */
export function statusOf(value: number, operator: Operator, thresholds: Thresholds, before: Status): Status {
  const { critical, criticalRecovery = critical, warning, warningRecovery = warning } = thresholds;
  const isOver = (threshold: number | undefined) => threshold !== undefined && crossed[operator](value, threshold);
  if (isOver(critical) || (before === "Alert" && isOver(criticalRecovery))) return "Alert";
  const wasOver = before === "Warn" || before === "Alert";
  return isOver(warning) || (wasOver && isOver(warningRecovery)) ? "Warn" : "OK";
}
