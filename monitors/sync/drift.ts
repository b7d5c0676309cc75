import type { Desired } from "../desired.ts";
import type { Author } from "./author.ts";
import { canonical } from "./canonical.ts";
import { fingerprint } from "./json.ts";
import type { Ledger } from "./ledger.ts";
import type { Change, Plan } from "./plan.ts";

/** One object that is not as it was applied, or as it is defined where nobody knows how it was applied. */
export interface Drift {
  readonly change: Change;
  /**
   * `gone`: deleted; `changed`; `missing`: not there, and no record says whether it ever was; `unexpected`: it carries our
   * mark, and neither a definition nor the ledger knows it.
   */
  readonly what: "gone" | "changed" | "missing" | "unexpected";
  /** The definition was changed as well since it was applied. */
  readonly alsoDefined: boolean;
  readonly author?: Author;
}

/**
 * Of what a plan would change, what was changed in Datadog: not what only the definitions changed and nobody applied yet. Without
 * a record of what was applied, every difference counts. Pure.
 */
export function driftOf(
  { changes }: Plan,
  desired: readonly Desired[],
  ledger: Pick<Ledger, "find" | "records">,
): readonly Drift[] {
  return changes.flatMap((change): readonly Drift[] => {
    const { kind, key } = change;
    const applied = ledger.find(kind, key)?.applied;
    const want = desired.find((one) => one.kind === kind && one.key === key);
    const defined = want === undefined ? undefined : fingerprint(canonical(kind, want.body));
    const what = whatOf(change, ledger);
    return what === undefined ? [] : [{ change, what, alsoDefined: applied !== undefined && applied !== defined }];
  });
}

/** Undefined where only the definitions were changed. */
function whatOf(
  { kind, key, action, seen }: Change,
  ledger: Pick<Ledger, "find" | "records">,
): Drift["what"] | undefined {
  const record = ledger.find(kind, key);
  if (action === "delete") return record === undefined ? "unexpected" : undefined;
  if (action !== "create") return seen === record?.applied ? undefined : "changed";
  if (record?.id !== undefined) return "gone";
  return ledger.records().length === 0 ? "missing" : undefined;
}
