/** Exit codes of every command; `doctor`, `cleanup` and `monitors` add their own (see their usage). */
export const exitCodes = { ok: 0, failed: 1, usage: 64, unavailable: 69, locked: 75, config: 78 } as const;

/** The command line is wrong: nothing was done. */
export class UsageError extends Error {
  readonly exitCode = exitCodes.usage;
}

/** The configuration is wrong: nothing was done. */
export class ConfigError extends Error {
  readonly exitCode = exitCodes.config;
}

/** What the command needs is not there or does not answer. */
export class UnavailableError extends Error {
  readonly exitCode = exitCodes.unavailable;
}
