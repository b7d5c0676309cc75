import { configOptions, type Option, type Section } from "./options.ts";
import { variableOf } from "./environment.ts";

/** A configuration file with every option at its default, commented out, under a sentence that says what it decides. */
export function exampleConfig(): string {
  const { sections, options } = configOptions();
  const head =
    "# overlaywatch: every option, at its default. All of this file is optional.\n# Flag over environment over this file over default.\n";
  const entries = [
    ...sections.map((section) => ({ path: section.path, lines: sectionLines(section) })),
    ...options.map((option) => ({ path: option.path, lines: optionLines(option) })),
  ];
  return (
    head +
    inOrder(entries)
      .map((e) => e.lines.join("\n"))
      .join("\n") +
    "\n"
  );
}

interface Entry {
  readonly path: readonly string[];
  readonly lines: readonly string[];
}

/** A section before what is in it, otherwise as the schema has them. */
function inOrder(entries: readonly Entry[]): readonly Entry[] {
  const children = (parent: readonly string[]): readonly Entry[] =>
    entries
      .filter(({ path }) => path.length === parent.length + 1 && parent.every((p, i) => p === path[i]))
      .flatMap((entry) => [entry, ...children(entry.path)]);
  return children([]);
}

function sectionLines({ path, description }: Section): readonly string[] {
  const indent = "  ".repeat(path.length - 1);
  return [...(path.length === 1 ? [""] : []), ...wrap(description, `${indent}# `), `${indent}${path.at(-1) ?? ""}:`];
}

function optionLines({ path, description, choices, default: fallback }: Option): readonly string[] {
  const indent = "  ".repeat(path.length - 1);
  const oneOf = choices.length > 0 ? ` One of ${choices.join(", ")}.` : "";
  return [
    ...wrap(`${description}${oneOf} (${variableOf(path)})`, `${indent}## `),
    `${indent}# ${path.at(-1) ?? ""}: ${JSON.stringify(fallback)}`,
  ];
}

function wrap(text: string, prefix: string): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && prefix.length + last.length + word.length < 100)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((line) => prefix + line);
}
