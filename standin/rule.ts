import { Refused } from "./answer.ts";

/** One thing that the API refuses, and how that is known. */
export interface Rule<S> {
  readonly id: string;
  readonly why: string;
  /** Section of research/monitors.md, recording, or thread. "Text ours": the refusal is known, its words are not. */
  readonly source: string;
  /** The API's error text; undefined where it has nothing against it. */
  readonly refuses: (subject: S) => string | undefined;
}

/** One thing that the API changes in what it was sent before it keeps it, and how that is known. */
export interface Normalisation<S> {
  readonly id: string;
  readonly why: string;
  readonly source: string;
  readonly apply: (subject: S) => S;
}

/** Throws what the first rule that refuses says, as a 400. */
export function enforce<S>(rules: readonly Rule<S>[], subject: S): void {
  for (const { refuses } of rules) {
    const message = refuses(subject);
    if (message !== undefined) throw new Refused(400, message);
  }
}

export function normalise<S>(normalisations: readonly Normalisation<S>[], subject: S): S {
  return normalisations.reduce((current, { apply }) => apply(current), subject);
}
