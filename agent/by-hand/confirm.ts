import { createInterface } from "node:readline/promises";
import type { Io } from "../command.ts";
import { Refused } from "./outcome.ts";

/** Before a long look that would be for nothing. Throws `Refused`. */
export function requireTerminal({ stdin, stderr }: Io, hint: string): void {
  if (stdin.isTTY !== true || stderr.isTTY !== true)
    throw new Refused("confirmation", `there is no terminal to confirm on; ${hint}`);
}

/**
 * A person types `word` on a terminal. Throws `Refused` where something else is typed. Asked on stderr: what the program prints
 * for machines stays whole.
 */
export async function confirm(word: string, warning: string, io: Io): Promise<void> {
  const asking = createInterface({ input: io.stdin, output: io.stderr, terminal: false });
  // A question whose input ends is never answered.
  const ended = new Promise<string>((resolve) => void asking.once("close", () => resolve("")));
  try {
    const question = asking.question(`${warning}\nType ${word} to go on: `, { signal: io.signal });
    const typed = await Promise.race([question, ended]);
    if (typed.trim() !== word) throw new Refused("confirmation", `what was typed is not ${word}`);
  } finally {
    asking.close();
  }
}
