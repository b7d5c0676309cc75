import type { Actual } from "./actual.ts";
import type { Ledger } from "./ledger.ts";
import { type Change, deletions } from "./plan.ts";

/** More would be done than was meant. Nothing was done. */
class TooMuch extends Error {
  override readonly name = "TooMuch";
}

/** Throws `TooMuch`. */
export function guardDeletions(changes: readonly Change[], most: number): void {
  const count = deletions(changes);
  if (count > most)
    throw new TooMuch(
      `${count} objects would be deleted, and no more than ${most} may be: nothing was done; if it is meant, --max-deletes ${count}`,
    );
}

/** Definitions that were not found are not a wish to delete everything. Throws `TooMuch`. */
export function guardNothingDefined(defined: number, changes: readonly Change[]): void {
  if (defined === 0 && deletions(changes) > 0)
    throw new TooMuch(
      "nothing is defined, and everything would be deleted: nothing was done; if it is meant: overlaywatch monitors destroy",
    );
}

/** So few may be gone by a person's hand; when everything is, an answer is more likely wrong. */
const few = 3;

/** An API that shows nothing of what was made is not asked to make it all again. Throws `TooMuch`. */
export function guardAllGone(ledger: Ledger, actual: readonly Actual[], isMeant: boolean): void {
  const made = ledger.records().filter(({ id }) => id !== undefined).length;
  if (isMeant || made < few || actual.some(({ mark, known }) => mark !== undefined || known !== undefined)) return;
  throw new TooMuch(
    `none of the ${made} objects that ${ledger.path} knows is there: nothing was done; if they were deleted and are to be made again: --recreate`,
  );
}
