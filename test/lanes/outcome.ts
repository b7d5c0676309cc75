import { z } from "zod";

const counts = z.strictObject({ passes: z.number(), failures: z.number(), pending: z.number() });

/** How the tests of one file, or of all, ended. */
export type Counts = z.output<typeof counts>;

/** ASCII's own separators: of what `test/reporter.cjs` has to say at the end of a run, and of a file's counts. */
const [closing, ended] = ["\u001D", "\u001E"];

/** What a lane writes after all that the tests of a file have printed. */
export const endOf = (outcome: Counts): string => `${ended}${JSON.stringify(outcome)}\n`;

export interface Printed {
  /** As it ran. */
  readonly body: string;
  /** Failures with their stacks, tries that were made again; empty where all went well. */
  readonly closing: string;
  readonly counts: Counts;
  /** What was printed after the file's end. */
  readonly rest: string;
}

/** What a lane has printed for a file, undefined while it is not at its end. */
export function printedOf(text: string): Printed | undefined {
  const at = text.indexOf(ended);
  const line = text.indexOf("\n", at);
  if (at < 0 || line < 0) return undefined;
  return {
    ...partsOf(text.slice(0, at)),
    counts: counts.parse(JSON.parse(text.slice(at + 1, line))),
    rest: text.slice(line + 1),
  };
}

/** The same for what a lane that died had printed. */
export function partsOf(text: string): Pick<Printed, "body" | "closing"> {
  const [body = "", ...more] = text.split(closing);
  return { body, closing: more.join("") };
}
