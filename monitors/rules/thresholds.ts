import type { Thresholds } from "../settings.ts";
import type { Operator } from "../query.ts";
import { type Complaint, type Rule, when } from "./rule.ts";

/** The number in the query is the critical threshold, and the others stand on their sides of it. */
export const thresholds: Rule = {
  tag: "thresholds",
  monitor: ({ type, options }, { comparison }) => {
    if (type === "service check") return [];
    if (comparison === undefined)
      return [{ field: "query", message: "expected a comparison with a number at its end, such as > 5" }];
    const { critical } = options.thresholds;
    return [
      ...when(
        comparison.threshold !== critical,
        "options.thresholds.critical",
        `${critical} is not the ${comparison.threshold} that the query compares with`,
      ),
      ...order(comparison.operator, options.thresholds),
    ];
  },
};

/** For `>`: warning below critical, and each recovers below itself. For `<` the other way round. */
function order(operator: Operator, all: Thresholds): readonly Complaint[] {
  const sign = operator.startsWith(">") ? 1 : operator.startsWith("<") ? -1 : 0;
  if (sign === 0) return [];
  const side = sign === 1 ? "below" : "above";
  const { critical, critical_recovery, warning, warning_recovery } = all;
  /** Where `a` is not on the quiet side of `b`. */
  const wrong = (name: keyof Thresholds, a: number | undefined, than: string, b: number | undefined) =>
    when(
      a !== undefined && b !== undefined && sign * (a - b) >= 0,
      `options.thresholds.${name}`,
      `expected it ${side} ${than}, ${b ?? ""}`,
    );
  return [
    ...wrong("warning", warning, "critical", critical),
    ...wrong("critical_recovery", critical_recovery, "critical", critical),
    ...wrong("warning_recovery", warning_recovery, "warning", warning),
    ...when(
      warning_recovery !== undefined && warning === undefined,
      "options.thresholds.warning_recovery",
      "there is no warning that it could be of",
    ),
  ];
}
