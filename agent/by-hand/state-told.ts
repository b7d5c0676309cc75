import { printable } from "../../host/iproute2/error.ts";
import type { ByHandOutcome, Reason } from "./outcome.ts";

export interface StateItemJson {
  /** `container`, `network`, `volume`, `swarm`, `build cache`: by the engine; `path`: on the disk, with the engine stopped. */
  readonly kind: string;
  readonly name: string;
  readonly bytes: number;
  readonly result: "planned" | "removed" | "failed" | "not tried";
  readonly sentence: string;
}

/** What `docker-state-cleanup --json` prints: to be extended, never changed. */
export interface StateJson {
  readonly outcome: ByHandOutcome;
  readonly data_root: string | null;
  readonly items: readonly StateItemJson[];
  /** How many, before and after. */
  readonly images: { readonly before: number; readonly after: number } | null;
  readonly refused: readonly Reason[];
  readonly notes: readonly string[];
  /** The file that keeps what was removed. */
  readonly record: string | null;
}

export const noState: Omit<StateJson, "outcome"> = {
  data_root: null,
  items: [],
  images: null,
  refused: [],
  notes: [],
  record: null,
};

const headlines: Readonly<Record<ByHandOutcome, string>> = {
  nothing: "Nothing to do: there is no state of Docker's beside images.",
  done: "Done and verified: only images are left.",
  planned: "Dry run: nothing was changed. With --apply this would be removed for good:",
  refused: "Refused: nothing was changed.",
  unverified: "NOT all of it was removed, or could be verified.",
  ambiguous: "Not done yet: the rest takes a person.",
  unavailable: "Docker does not answer properly: nothing was changed.",
  locked: "Another run is at work: nothing was changed.",
};

export function stateText(json: StateJson): string {
  const images = json.images === null ? [] : [`# images: ${json.images.before} before, ${json.images.after} after`];
  const lines = [
    headlines[json.outcome],
    ...json.items.map(itemLine),
    ...images,
    ...json.refused.map(({ rule, sentence }) => `# refused (${rule}): ${sentence}`),
    ...json.notes.map((note) => `# ${note}`),
    ...(json.record === null ? [] : [`# what was removed is kept in ${json.record}`]),
  ];
  return `${lines.map(printable).join("\n")}\n`;
}

export function itemLine({ kind, name, bytes, result, sentence }: StateItemJson): string {
  return `  ${result.padEnd(9)} ${sizeText(bytes).padStart(9)}  ${kind} ${name}${sentence === "" ? "" : `: ${sentence}`}`;
}

function sizeText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1);
  return `${(bytes / 1000 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step]}`;
}
