import type { Draft } from "../../pipelines/record/stamp.ts";
import { lossText } from "../../overlay/remedy/loss-text.ts";
import type { ActionJson, CleanupJson } from "./outcome.ts";

/** What a cleanup did, as the journal keeps it; undefined where it had nothing to do. */
export function remedyNote(json: CleanupJson): Draft | undefined {
  const { outcome, strategy, actions, refused, ambiguous } = json;
  if (outcome === "nothing") return undefined;
  const [first] = actions;
  const reasons = [...refused, ...ambiguous].map(({ sentence }) => sentence).slice(0, 3);
  const parts = [
    `${strategy}: ${outcome}`,
    whatOf(actions),
    lossText(json.loss),
    ...json.notes.slice(0, 2),
    ...reasons,
    undoOf(json),
  ];
  return {
    kind: "remedy",
    message: parts.filter((one) => one !== "").join("; "),
    strategy,
    outcome,
    count: actions.length,
    // One container's where it was only one: its network and the like are fields to look for.
    ...(first !== undefined && isOneOnly(actions) && placeOf(first)),
  };
}

function whatOf(actions: readonly ActionJson[]): string {
  const names = [...new Set(actions.map(nameOf))];
  const more = names.length > 5 ? ` and ${names.length - 5} more` : "";
  return names.length === 0
    ? ""
    : `${actions.length} ${actions.length === 1 ? "change" : "changes"} for ${names.slice(0, 5).join(", ")}${more}`;
}

const nameOf = ({ container, ip, mac }: ActionJson): string =>
  container === "" ? "this host" : `${container} ${ip} ${mac}`;

const undoOf = ({ undo }: CleanupJson): string => (undo === null ? "" : `undo file ${undo}`);

const isOneOnly = (actions: readonly ActionJson[]): boolean => new Set(actions.map(({ mac }) => mac)).size === 1;

function placeOf({ container, ip, mac, network, netns }: ActionJson): Partial<Draft> {
  if (container === "") return {};
  return { container, ip, mac, networkId: network, netns };
}
