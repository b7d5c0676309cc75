/** What is wrong with a definition: it is not sent as long as that stands. */
export interface Problem {
  /** The tag of the rule that found it; `form` where it is not even written as a definition is. */
  readonly rule: string;
  /** File, with line where known. */
  readonly where: string;
  /** Of the object; empty where it has none yet. */
  readonly key: string;
  /** Within the object or the file: `options.thresholds.critical`; may be empty. */
  readonly field: string;
  /** What is wrong, and what was expected. */
  readonly message: string;
}

/** One line for a person. */
export function problemText({ where, key, field, message, rule }: Problem): string {
  const named = [key, field].filter((one) => one !== "").map((one) => `${one}: `);
  return `${where}: ${named.join("")}${message} [${rule}]`;
}
