import { type Command, commonOptions } from "../command.ts";

/** What a shell may offer behind the name of a command. */
export interface Offered {
  readonly name: string;
  readonly summary: string;
  /** Without their dashes, with those that every command has. */
  readonly flags: readonly { readonly name: string; readonly takesValue: boolean }[];
  /** For the first operand. */
  readonly words: readonly string[];
}

export function offeredOf(name: string, { summary, options, words = [] }: Command): Offered {
  const flags = Object.entries({ ...options, ...commonOptions, help: { type: "boolean" } as const });
  return {
    name,
    summary,
    words,
    flags: flags.map(([flag, { type }]) => ({ name: flag, takesValue: type === "string" })),
  };
}
