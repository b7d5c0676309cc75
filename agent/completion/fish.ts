import type { Offered } from "./offered.ts";

export function fishScript(commands: readonly Offered[]): string {
  const lines = commands.flatMap(({ name, summary, flags, words }) => [
    `complete -c overlaywatch -n __fish_use_subcommand -f -a ${name} -d ${quoted(summary)}`,
    ...words.map((word) => `complete -c overlaywatch -n '__fish_seen_subcommand_from ${name}' -f -a ${word}`),
    ...flags.map(
      (flag) =>
        `complete -c overlaywatch -n '__fish_seen_subcommand_from ${name}' -l ${flag.name}${flag.takesValue ? " -r" : ""}`,
    ),
  ]);
  return `# For fish: overlaywatch completion fish | source\n${lines.join("\n")}\n`;
}

/** In fish's single quotes a backslash stands before a quote and before itself. */
const quoted = (text: string): string => `'${text.replaceAll(/['\\]/gu, String.raw`\$&`)}'`;
