import { type Command, configOf, type Io, parseCommand } from "./command.ts";
import { nearestOf } from "./config/nearest.ts";
import { UsageError } from "./exit-codes.ts";

const usage = `usage: overlaywatch monitors ACTION [OPTION...]

Monitors, dashboard and webhook of this program in your Datadog organisation, as code: what ships, and your own in
datadog.monitors.dir (docs/monitors.md).
  validate   judges every definition, by its form and by rules; sends nothing

Exit codes: 0 all is well, 1 a definition is wrong or something failed.
`;

const options = {} as const;

type Action = (values: Parsed["values"], io: Io) => Promise<number>;
type Parsed = ReturnType<typeof parse>;

const parse = (args: readonly string[]) => parseCommand(args, options, "some");

const actions: Readonly<Record<string, Action>> = {
  validate: async (values, io) => {
    const { config } = configOf(values, io);
    const { validateOffline } = await import("./monitors/validate.ts");
    const { code, text } = validateOffline(config, values.json === true);
    io.stdout.write(text);
    return code;
  },
};

export const command: Command = {
  summary: "monitors as code: validate",
  usage,
  run: async (args, io) => {
    const { values, positionals } = parse(args);
    const [name = "", more] = positionals;
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (action === undefined)
      throw new UsageError(`monitors ${name}: there is no such action${nearestOf(name, Object.keys(actions))}`);
    if (more !== undefined) throw new UsageError(`monitors ${name}: unexpected ${more}`);
    return action(values, io);
  },
};
