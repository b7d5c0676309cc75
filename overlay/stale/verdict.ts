/**
 * What one witness says of a node. `silent`: it was asked properly and shows no life of it; `alive`: it does; `unsure`: it can
 * not be believed, or not be asked. `self` speaks only where this host may be the one that is cut off.
 */
export interface Statement {
  readonly witness: "store" | "address" | "peers" | "containers" | "self";
  readonly says: "silent" | "alive" | "unsure";
  readonly sentence: string;
}

export type Verdict = "dead" | "alive" | "unsure";

/** One sign of life is enough against; it takes all four, silent and sure, for dead. */
export function verdictOf(statements: readonly Statement[]): Verdict {
  if (statements.some(({ says }) => says === "alive")) return "alive";
  const heard = new Set(statements.map(({ witness }) => witness));
  const isWhole = (["store", "address", "peers", "containers"] as const).every((one) => heard.has(one));
  return isWhole && statements.every(({ says }) => says === "silent") ? "dead" : "unsure";
}
