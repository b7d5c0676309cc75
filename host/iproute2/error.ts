interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderr: string;
  /** Why it was ended from here, or could not be started. */
  readonly why?: string;
  readonly cause?: unknown;
}

/** A program that failed, was too slow or could not be started. The message says which, where, and its own words. */
export class ProgramError extends Error {
  override readonly name = "ProgramError";
  readonly argv: readonly string[];
  readonly netns: string;
  readonly code: number | null;
  readonly signal: string | null;
  /** The end of what it said, printable. */
  readonly stderr: string;

  constructor(netns: string, argv: readonly string[], ended: Ended) {
    const stderr = printable(ended.stderr.trim()).slice(-2000);
    super(`${printable(argv.join(" "))} in the namespace ${printable(netns)}: ${outcome(ended, stderr)}`, {
      cause: ended.cause,
    });
    this.argv = argv;
    this.netns = netns;
    this.code = ended.code;
    this.signal = ended.signal;
    this.stderr = stderr;
  }
}

function outcome({ why, code, signal }: Ended, stderr: string): string {
  const how = why ?? (signal === null ? `exit code ${code}` : `ended by ${signal}`);
  return stderr === "" ? how : `${how}: ${stderr}`;
}

/** Without what could steer a terminal or break a line: names of devices and files are chosen by others. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ");
}
