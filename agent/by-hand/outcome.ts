/** Exit codes of what a person runs by hand, as those of `cleanup` where they say the same: a contract. */
export const byHandExits = {
  nothing: 0,
  done: 10,
  planned: 11,
  refused: 20,
  unverified: 30,
  ambiguous: 40,
  unavailable: 69,
  locked: 75,
} as const;

export type ByHandOutcome = keyof typeof byHandExits;

/** Why nothing, or not all, was done. */
export interface Reason {
  readonly rule: string;
  readonly sentence: string;
}

/** Ends a run that may not go on, in the midst of looking: nothing was done yet. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly rule: string;

  constructor(rule: string, sentence: string, cause?: unknown) {
    super(sentence, { cause });
    this.rule = rule;
  }
}
