import { type Command, parseCommand } from "./command.ts";
import { bashScript } from "./completion/bash.ts";
import { fishScript } from "./completion/fish.ts";
import { type Offered, offeredOf } from "./completion/offered.ts";
import { zshScript } from "./completion/zsh.ts";
import { nearestOf } from "./config/nearest.ts";
import { exitCodes, UsageError } from "./exit-codes.ts";

const usage = `usage: overlaywatch completion bash|zsh|fish

Prints what lets that shell complete commands, their options and actions.
  bash  source <(overlaywatch completion bash)     in ~/.bashrc
  zsh   source <(overlaywatch completion zsh)      in ~/.zshrc, behind compinit
  fish  overlaywatch completion fish | source      in ~/.config/fish/config.fish

Example: overlaywatch completion bash > /etc/bash_completion.d/overlaywatch

Exit code 0: printed.
`;

const scripts: Readonly<Record<string, (commands: readonly Offered[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

type Commands = Readonly<Record<string, () => Promise<{ command: Command }>>>;

/** The command, of the table of all: it is made of what they themselves parse by. */
export const completionOf = (commands: Commands): Command => ({
  summary: "what lets a shell complete commands and options",
  usage,
  options: {},
  words: Object.keys(scripts),
  run: async (args, { stdout }) => {
    const [shell = "", ...more] = parseCommand(args, {}, "some").positionals;
    if (shell === "") throw new UsageError(`completion: which shell? There are ${Object.keys(scripts).join(", ")}`);
    const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
    if (script === undefined)
      throw new UsageError(`completion ${shell}: there is no such shell here${nearestOf(shell, Object.keys(scripts))}`);
    if (more.length > 0) throw new UsageError(`completion ${shell}: unexpected ${more.join(" ")}`);
    const all = Object.entries(commands).map(async ([name, load]) => offeredOf(name, (await load()).command));
    stdout.write(script(await Promise.all(all)));
    return exitCodes.ok;
  },
});
