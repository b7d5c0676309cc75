import { z } from "zod";

const counts = z.strictObject({ passes: z.number(), failures: z.number(), pending: z.number() });

/** How the tests of one file, or of all, ended. */
export type Counts = z.output<typeof counts>;

/** What a lane writes after all that the tests of a file have printed: behind one of ASCII's own separators, its counts. */
export const endOf = ({ passes, failures, pending }: Counts): string =>
  `\u001E${JSON.stringify({ passes, failures, pending })}\n`;

export interface Printed {
  /** As it ran. */
  readonly body: string;
  /** Failures with their stacks, tries that were made again; empty where all went well. */
  readonly closing: string;
  readonly counts: Counts;
  /** What was printed after the file's end. */
  readonly rest: string;
}

const end = /\p{Cc}(\{"passes":\d+,"failures":\d+,"pending":\d+\})\n/u;

/** What a lane has printed for a file, undefined while it is not at its end. */
export function printedOf(text: string): Printed | undefined {
  const found = end.exec(text);
  if (found === null) return undefined;
  const [whole, told = ""] = found;
  const rest = text.slice(found.index + whole.length);
  return { ...partsOf(text.slice(0, found.index)), counts: counts.parse(JSON.parse(told)), rest };
}

/** The same for what a lane that died had printed. */
export function partsOf(text: string): Pick<Printed, "body" | "closing"> {
  // A line that `test/reporter.cjs` writes before what it has to say at the end of a run.
  const [body = "", ...more] = text.split("\u001D\n");
  return { body, closing: more.join("") };
}
