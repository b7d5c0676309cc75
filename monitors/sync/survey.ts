import type { Desired } from "../desired.ts";
import { type Actual, readActual } from "./actual.ts";
import { askOrg, guardOrg, orgOf } from "./org.ts";
import { type Plan, planOf } from "./plan.ts";
import type { World } from "./write.ts";

interface Wanted {
  /** The API's address. */
  readonly url: string;
  readonly desired: readonly Desired[];
  /** The organisation that the keys must be of. */
  readonly org?: string;
}

export interface Survey {
  readonly plan: Plan;
  readonly actual: readonly Actual[];
}

/** What is there, and what would make it as it is defined. Changes nothing. Throws `Refusal`, `WrongOrg`. */
export async function survey({ api, ledger }: World, { url, desired, org: expected }: Wanted): Promise<Survey> {
  const webhooks = desired.filter(({ kind }) => kind === "webhook").map(({ key }) => key);
  const [asked, actual] = await Promise.all([guardedOrg({ api, ledger }, expected), readActual(api, webhooks, ledger)]);
  const org = orgOf(asked, actual);
  guardOrg(org, ledger, expected);
  return { actual, plan: planOf({ api: url, org, desired, actual, ledger }) };
}

/** Told at once: objects that are not there would be waited for in vain. */
async function guardedOrg({ api, ledger }: World, expected: string | undefined): Promise<string | undefined> {
  const asked = await askOrg(api);
  if (asked !== undefined) guardOrg(asked, ledger, expected);
  return asked;
}
