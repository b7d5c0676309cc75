import type { Offered } from "./offered.ts";

export function zshScript(commands: readonly Offered[]): string {
  const described = commands.map(({ name, summary }) => quoted(`${name}:${summary.replaceAll(":", String.raw`\:`)}`));
  const cases = commands.map(({ name, flags, words }) => {
    const operands = words.length === 0 ? "*:operand:_files" : `1:word:(${words.join(" ")})`;
    const specs = flags.map((flag) => (flag.takesValue ? `--${flag.name}=:value:_files` : `--${flag.name}`));
    return `    ${name}) _arguments ${[...specs, operands].map((spec) => quoted(spec)).join(" ")} ;;\n`;
  });
  return `#compdef overlaywatch
# For zsh: source <(overlaywatch completion zsh)
_overlaywatch() {
  local -a commands
  commands=(
${described.map((one) => `    ${one}\n`).join("")}  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  shift words
  ((CURRENT--))
  case $words[1] in
    help) _describe command commands ;;
${cases.join("")}  esac
}
compdef _overlaywatch overlaywatch
`;
}

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
