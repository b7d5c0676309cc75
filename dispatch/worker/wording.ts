import { lossText } from "../../overlay/remedy/loss-text.ts";
import { shellLine } from "../../host/shell-line.ts";
import type { Cleanup } from "./ask-helper.ts";

/** What a cleanup did or would do, in a sentence. */
export function sentenceOf({ outcome, strategy, actions, loss, undo, notes, refused, ambiguous }: Cleanup): string {
  const verb = outcome === "planned" ? "would be made" : "were made";
  const names = [...new Set(actions.map(({ container }) => (container === "" ? "this host" : container)))];
  const reasons = [...refused, ...ambiguous].map(({ rule, sentence }) => `${rule}: ${sentence}`);
  const parts = [
    actions.length === 0 ? "" : `${actions.length} changes ${verb} for ${first(names, 5)} by ${strategy}`,
    lossText(loss),
    ...notes.slice(0, 2),
    ...reasons.slice(0, 3),
    undo === null ? "" : `to undo it: overlaywatch undo ${shellLine([undo])}`,
  ];
  return parts.filter((part) => part !== "").join("; ");
}

/** The commands, as a person would type them. */
export const planOf = ({ actions }: Cleanup): readonly string[] =>
  actions.slice(0, 20).map(({ command, container }) => `${shellLine(command)}  # ${container}`.slice(0, 500));

function first(names: readonly string[], most: number): string {
  const more = names.length > most ? ` and ${names.length - most} more` : "";
  return names.slice(0, most).join(", ") + more;
}
