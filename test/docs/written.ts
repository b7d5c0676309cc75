import { readdirSync, readFileSync } from "node:fs";

/** One command of the documents, as a reader would type it. */
export interface Written {
  readonly file: string;
  readonly line: number;
  readonly command: string;
}

/** What begins a command where no prompt stands before it: output may stand beside it in the same block. */
const programs =
  /^(?:\.\/\S+|\/usr\/lib\/overlaywatch\/\S+|overlaywatch|bash|bridge|cat|cd|cp|curl|docker|export|git|ip|journalctl|ln|mkdir|node|npm|npx|nsenter|rm|source|sudo|sysctl|systemctl|telegraf|tee|useradd|install|apt-get|openssl|systemd-\S+|\(umask)\s/u;
const prompt = /^(?:\w+[#$]|\$)\s+(.+)$/u;

export const documents: readonly string[] = [
  "README.md",
  ...readdirSync("docs")
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

/** Every command in a fenced or an indented block: of shells, of a workflow's `run:`, of telegraf's `command =`. */
export function writtenIn(file: string): readonly Written[] {
  let fence: string | undefined;
  let isIndented = false;
  let before = "";
  return readFileSync(file, "utf8")
    .split("\n")
    .flatMap((text, i) => {
      const [, language] = /^ *```(\w*)/u.exec(text) ?? [];
      if (language !== undefined) {
        fence = fence === undefined ? language : undefined;
        return [];
      }
      isIndented = /^ {4,}\S/u.test(text) && (before === "" || isIndented);
      before = text;
      const command = fence === undefined ? isIndented && typed(text) : commandIn[fence]?.(text);
      return typeof command === "string" ? [{ file, line: i + 1, command }] : [];
    });
}

/** Every command of ours that a sentence or a table names. */
export function namedIn(file: string): readonly Written[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .flatMap((text, i) =>
      [...text.matchAll(/`((?:\.\/scripts\/)?overlaywatch [a-z][^`]*)`/gu)].map(([, command = ""]) => ({
        file,
        line: i + 1,
        command,
      })),
    );
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

function typed(text: string): string | undefined {
  const line = text.trim().replace(/\s+#\s.*$/u, "");
  const [, prompted] = prompt.exec(line) ?? [];
  return prompted ?? (programs.test(`${line} `) ? line : undefined);
}
