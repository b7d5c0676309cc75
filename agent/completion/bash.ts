import type { Offered } from "./offered.ts";

/** Names are letters, digits and dashes: nothing has to be quoted. Where nothing is offered, bash offers files. */
export function bashScript(commands: readonly Offered[]): string {
  const names = commands.map(({ name }) => name);
  const cases = commands.map(({ name, flags, words }) => {
    const takers = flags.filter(({ takesValue }) => takesValue);
    return `    ${name}) words="${words.join(" ")}" flags="${dashed(flags)}" takers="${dashed(takers)}" ;;\n`;
  });
  return `# For bash: source <(overlaywatch completion bash)
_overlaywatch() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} words="" flags="" takers=""
  local commands="${names.join(" ")} help version"
  COMPREPLY=()
  case \${COMP_WORDS[1]} in
    help) words=$commands ;;
${cases.join("")}  esac
  ((COMP_CWORD == 1)) && words=$commands flags="--help --version"
  [[ " $takers " == *" $before "* ]] && return
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$current")
  elif ((COMP_CWORD <= 2)); then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  fi
}
complete -o default -F _overlaywatch overlaywatch
`;
}

const dashed = (flags: Offered["flags"]): string => flags.map(({ name }) => `--${name}`).join(" ");
