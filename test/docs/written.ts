import { readdirSync, readFileSync } from "node:fs";

/** One command of the documents, as a reader would type it. */
export interface Written {
  readonly file: string;
  readonly line: number;
  readonly command: string;
}

/** What begins a command where no prompt stands before it: output may stand beside it in the same block. */
const programs =
  /^(?:\.\/\S+|\/usr\/lib\/overlaywatch\/\S+|overlaywatch|bash|bridge|cat|cd|cp|curl|docker|export|git|ip|journalctl|ln|mkdir|nats-server(?= -)|node|npm|npx|nsenter|rm|source|sudo|sysctl|systemctl|telegraf|tee|useradd|install|apt-get|openssl|systemd-\S+|\(umask)\s/u;
const prompt = /^(?:\w+[#$]|\$)\s+(.+)$/u;

export const documents: readonly string[] = [
  "README.md",
  "CONTRIBUTING.md",
  ...readdirSync("collectors", { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `collectors/${name}/README.md`),
  ...readdirSync("docs")
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

/** Every command in a fenced or an indented block: of shells, of a workflow's `run:`, of telegraf's `command =`. */
export const writtenIn = (file: string): readonly Written[] => linesOf(file).filter(({ isKnown }) => isKnown);

/** Lines of indented blocks, which are there to be typed, that begin with no program that is known here. */
export const strangeIn = (file: string): readonly Written[] => linesOf(file).filter(({ isKnown }) => !isKnown);

interface Line extends Written {
  readonly isKnown: boolean;
}

function linesOf(file: string): readonly Line[] {
  let fence: string | undefined;
  let isIndented = false;
  let before = "";
  return readFileSync(file, "utf8")
    .split("\n")
    .flatMap((text, i): readonly Line[] => {
      const [, language] = /^ *```(\w*)/u.exec(text) ?? [];
      if (language !== undefined) {
        fence = fence === undefined ? language : undefined;
        return [];
      }
      isIndented = /^ {4,}\S/u.test(text) && (before === "" || isIndented);
      before = text;
      const at = { file, line: i + 1 };
      if (fence === undefined) return isIndented ? [{ ...at, ...indented(text) }] : [];
      const command = commandIn[fence]?.(text);
      return command === undefined ? [] : [{ ...at, command, isKnown: true }];
    });
}

/** Every command of ours that a sentence or a table names, also where it goes on in the next line. */
export function namedIn(file: string): readonly Written[] {
  // Of fenced blocks the lines are left, for they are counted.
  const text = readFileSync(file, "utf8").replaceAll(/^ *```[^]*?^ *```$/gmu, (block) =>
    block.replaceAll(/[^\n]/gu, ""),
  );
  return [...text.matchAll(/`((?:\.\/scripts\/)?overlaywatch\s[a-z-][^`]*)`/gu)].map(({ 1: command = "", index }) => ({
    file,
    line: text.slice(0, index).split("\n").length,
    command: command.replaceAll(/\s+/gu, " "),
  }));
}

const commandIn: Readonly<Record<string, (text: string) => string | undefined>> = {
  "": typed,
  bash: typed,
  console: typed,
  sh: typed,
  yaml: (text) => /^ *-? *run: (.+)$/u.exec(text)?.[1],
  toml: (text) =>
    /^command = \[(.*)\]$/u
      .exec(text)?.[1]
      ?.split(",")
      .map((word) => word.trim().slice(1, -1))
      .join(" "),
};

function indented(text: string): Pick<Line, "command" | "isKnown"> {
  const command = typed(text);
  return { command: command ?? text.trim(), isKnown: command !== undefined };
}

function typed(text: string): string | undefined {
  const line = text.trim().replace(/\s+#\s.*$/u, "");
  const [, prompted] = prompt.exec(line) ?? [];
  return prompted ?? (programs.test(`${line} `) ? line : undefined);
}
