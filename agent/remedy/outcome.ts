import { enter } from "../../host/iproute2/program.ts";
import { shellLine } from "../../host/shell-line.ts";
import { printable } from "../../host/iproute2/error.ts";
import type { Refusal } from "../../overlay/remedy/gates.ts";
import type { Action } from "../../overlay/remedy/plan.ts";
import type { Measured } from "../../overlay/remedy/verify.ts";

/** Exit codes of `cleanup` and `undo`: a contract. */
export const remedyExits = {
  nothing: 0,
  cured: 10,
  planned: 11,
  refused: 20,
  undone: 30,
  failed: 31,
  ambiguous: 40,
  unavailable: 69,
  locked: 75,
} as const;

export type RemedyOutcome = keyof typeof remedyExits;

/** One change as it is told: what `--json` prints is a contract, to be extended and never changed. */
export interface ActionJson {
  readonly command: readonly string[];
  readonly reason: string;
  readonly class: string;
  readonly result: string;
  readonly container: string;
  readonly ip: string;
  readonly mac: string;
  readonly network: string;
  readonly netns: string;
}

export interface CleanupJson {
  readonly outcome: RemedyOutcome;
  readonly strategy: string;
  readonly actions: readonly ActionJson[];
  readonly verified: boolean;
  /** The file for `overlaywatch undo`. */
  readonly undo: string | null;
  readonly refused: readonly Refusal[];
  readonly ambiguous: readonly Refusal[];
  /** Of pings between the containers that were cut off. */
  readonly loss: readonly Measured[];
  readonly notes: readonly string[];
  /** Undo files of runs that did not come to their end. */
  readonly unfinished: readonly string[];
}

export const nothingDone: Omit<CleanupJson, "outcome" | "strategy"> = {
  actions: [],
  verified: false,
  undo: null,
  refused: [],
  ambiguous: [],
  loss: [],
  notes: [],
  unfinished: [],
};

/** As a person would type it, and as it is run. */
export function actionJson(action: Action, path: string, result: string): ActionJson {
  const { reason, class: of, container, ip, mac, network, netns, command } = action;
  return { command: typed(path, command), reason, class: of, result, container, ip, mac, network, netns };
}

export function typed(path: string, command: Action["command"]): readonly string[] {
  // Refuses what may not be run: what is shown is what is run.
  enter(path, command);
  return ["nsenter", `--net=${path}`, ...command];
}

const headlines: Readonly<Record<RemedyOutcome, string>> = {
  nothing: "Nothing active to do.",
  cured: "Cured and verified.",
  planned: "Dry run: nothing was changed. With --apply this would be done:",
  refused: "Refused: nothing was changed.",
  undone: "It did not help, and everything was put back as it was.",
  failed: "It did not help, and NOT everything could be put back.",
  ambiguous: "What is left has to be judged by a person.",
  unavailable: "Docker does not answer: nothing was changed.",
  locked: "Another run is at work: nothing was changed.",
};

export function cleanupText(json: CleanupJson): string {
  const lines = [headlines[json.outcome], ...actionLines(json.actions), ...json.loss.map(lossLine)];
  const remark = (text: string): void => void lines.push(`# ${printable(text)}`);
  for (const note of json.notes) remark(note);
  for (const one of json.refused) remark(`refused (${one.rule}): ${whose(one)}`);
  for (const one of json.ambiguous) remark(`for a person: ${whose(one)}`);
  if (json.undo !== null) remark(`to undo it: overlaywatch undo ${shellLine([json.undo])}`);
  for (const path of json.unfinished)
    remark(`a run was ended in its midst; to take back what it did: overlaywatch undo ${shellLine([path])}`);
  return `${lines.join("\n")}\n`;
}

/** One a line, under the container that it is for. */
function actionLines(actions: readonly ActionJson[]): readonly string[] {
  return actions.flatMap(({ container, ip, mac, command, result, reason }, at) => {
    const line = `${shellLine(command)}  # ${printable(result === "planned" ? reason : result)}`;
    const heading = container === "" ? "# this host" : `# ${printable(container)} ${ip} ${mac}`;
    return actions[at - 1]?.container === container ? [line] : [heading, line];
  });
}

function lossLine({ from, to, before, after, why }: Measured): string {
  const because = why === undefined ? "" : ` (${printable(why)})`;
  return `# loss from ${printable(from)} to ${printable(to)}: ${lossText(before)} before, ${lossText(after)} after${because}`;
}

const whose = ({ container, sentence }: Refusal): string =>
  container === undefined ? sentence : `${container}: ${sentence}`;

const lossText = (share: number | null): string => (share === null ? "not measured" : `${Math.round(share * 100)} %`);
