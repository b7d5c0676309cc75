import { DockerError } from "../../host/docker/error.ts";
import { NotAvailable } from "../../host/host.ts";
import { StoreError } from "../../host/kv/store.ts";
import { type Lock, Locked } from "../../host/lock.ts";
import { ownUser } from "../../host/own-user.ts";
import { standstill } from "../../overlay/remedy/plan.ts";
import type { Config } from "../config/schema.ts";
import { errorText } from "../error-text.ts";
import { remedyState } from "../remedy/state.ts";
import { type ByHandOutcome, type Reason, Refused } from "./outcome.ts";

/** One run, from the lock to its end. What is a normal end and no fault of this program goes to `end`. */
export async function guarded<T>(
  config: Config,
  { apply, holder }: { readonly apply: boolean; readonly holder: string },
  end: (outcome: ByHandOutcome, reason: Reason) => T,
  work: () => Promise<T>,
): Promise<T> {
  const state = remedyState(config);
  let lock: Lock | undefined;
  try {
    if (ownUser() !== 0)
      throw new Refused("root", "only root may look into containers' namespaces and Docker's folders");
    if (apply) lock = await state.lock(holder);
    const stands = standstill(await state.limits(Date.now()), Date.now());
    if (apply && stands !== undefined) throw new Refused(stands.rule, stands.sentence);
    return await work();
  } catch (error) {
    const known = kindOf(error);
    if (known === undefined) throw error;
    return end(known[0], { rule: known[1], sentence: errorText(error) });
  } finally {
    lock?.release();
  }
}

function kindOf(error: unknown): readonly [ByHandOutcome, string] | undefined {
  if (error instanceof Refused) return ["refused", error.rule];
  if (error instanceof Locked) return ["locked", "lock"];
  if (error instanceof DockerError) return ["unavailable", "docker"];
  if (error instanceof StoreError) return ["refused", "store"];
  if (error instanceof NotAvailable) return ["refused", "access"];
  return error instanceof Error && error.name === "BadFile" ? ["refused", "limits"] : undefined;
}
