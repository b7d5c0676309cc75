import type { Actual } from "./actual.ts";
import type { Api } from "./api.ts";
import { member, textAt } from "./json.ts";
import type { Ledger } from "./ledger.ts";
import { Refusal } from "./refusal.ts";

/** The keys, a plan or a ledger are of another organisation. Nothing was done. */
export class WrongOrg extends Error {
  override readonly name = "WrongOrg";
}

/**
 * The id of the organisation that the keys are of; undefined where the API does not tell these keys. Keys that are no good for
 * anything are refused by all the others. Throws `Refusal`.
 */
export async function askOrg(api: Api): Promise<string | undefined> {
  try {
    const path = "/api/v2/current_user";
    const answer = await api.ask({ method: "GET", path, what: "ask for the organisation" });
    return textAt(member(member(member(member(answer, "data"), "relationships"), "org"), "data"), "id");
  } catch (error) {
    if (error instanceof Refusal && (error.status === 403 || error.status === 404)) return undefined;
    throw error;
  }
}

/** Where the keys may not ask, any monitor of ours tells the organisation's number. */
export function orgOf(asked: string | undefined, actual: readonly Actual[]): string {
  if (asked !== undefined) return asked;
  const [number] = actual.map(({ body }) => member(body, "org_id")).filter((one) => typeof one === "number");
  return number === undefined ? "" : `number ${number}`;
}

const isNumber = (org: string): boolean => org.startsWith("number ");

/** What is not known of one of them, or known of each by another kind of name, can not be compared. */
export const areDifferent = (a: string, b: string): boolean =>
  a !== "" && b !== "" && isNumber(a) === isNumber(b) && a !== b;

/** Throws `WrongOrg`. What is not known on one of the sides can not be compared. */
export function guardOrg(org: string, ledger: Ledger, expected: string | undefined): void {
  if (expected !== undefined && org !== expected)
    throw new WrongOrg(
      `the keys are of the organisation ${org || "(not known)"}, not of ${expected}: nothing was done; use the keys of the other one`,
    );
  if (areDifferent(org, ledger.org()))
    throw new WrongOrg(
      `the keys are of the organisation ${org}, but ${ledger.path} is of ${ledger.org()}: nothing was done; use the keys of the other one, or another --state-dir`,
    );
}
