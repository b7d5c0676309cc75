import { type Command, configOf, type Io, parseCommand } from "./command.ts";
import type { Config } from "./config/schema.ts";
import { nearestOf } from "./config/nearest.ts";
import { UsageError } from "./exit-codes.ts";
import { syncOptions, type SyncRequest } from "./monitors/request.ts";

const usage = `usage: overlaywatch monitors ACTION [OPTION...]

Monitors, dashboard and webhook of this program in your Datadog organisation, as code: what ships, and your own in
datadog.monitors.dir (docs/monitors.md, docs/monitors-sync.md). Keys come from DD_API_KEY and DD_APP_KEY, or from files that
datadog.api_key_file and datadog.app_key_file name; the site from DD_SITE.
  validate       judges every definition by its form and by rules; then, where there are keys, Datadog does. Makes nothing
    --offline         Datadog is not asked
  plan           what apply would do
    --out FILE        keep it, for \`apply FILE\`
    --markdown        for a comment on a pull request
    --recreate        also where nothing of what was made is there any more
  apply [PLAN]   do it; with a file of \`plan --out\` do just that, and only if nothing was changed since
    --max-deletes N   refuse to delete more; 10 unless told
    --recreate        as for plan
  drift          what was changed in Datadog since it was applied, by whom and when
  adopt KEY ID   take over an object that somebody made; KEY is a key, or kind/key; ID the API's id, or an address
  destroy        delete everything of ours, and nothing else
    --max-deletes N   refuse to delete more
What talks to Datadog has
    --api-url URL     another address of the API
    --org ID          the id of the organisation that the keys must be of (not validate)
    --yes             ask nothing on a terminal (apply, adopt, destroy)

Example: overlaywatch monitors plan --out plan.json

Exit code 0: in sync, or done; 2: there are changes, or drift; 1: something is wrong: a definition, keys, the API, another
run at work. What was done and what was not is said.
`;

const options = { ...syncOptions, offline: { type: "boolean" } } as const;

type Parsed = ReturnType<typeof parse>;
type Values = Parsed["values"];

const parse = (args: readonly string[]) => parseCommand(args, options, "some");

interface Action {
  readonly operands: number;
  /** Beside the common ones. */
  readonly options: readonly (keyof typeof options)[];
  readonly run: (config: Config, values: Values, operands: readonly string[], io: Io) => Promise<number>;
}

/** Each loaded when asked for: the client of Datadog's is not small. */
const actions: Readonly<Record<string, Action>> = {
  validate: {
    operands: 0,
    options: ["api-url", "offline"],
    run: async (config, values, _, io) => {
      const { validate } = await import("./monitors/online.ts");
      return validate(config, values, io);
    },
  },
  plan: synced(0, ["out", "markdown", "recreate"], async () => (await import("./monitors/plan.ts")).plan),
  apply: synced(1, ["max-deletes", "recreate", "yes"], async () => (await import("./monitors/apply.ts")).apply),
  drift: synced(0, [], async () => (await import("./monitors/drift.ts")).drift),
  adopt: synced(2, ["yes"], async () => (await import("./monitors/adopt.ts")).adopt),
  destroy: synced(0, ["max-deletes", "yes"], async () => (await import("./monitors/destroy.ts")).destroy),
};

function synced(
  operands: number,
  own: Action["options"],
  load: () => Promise<(request: SyncRequest) => Promise<number>>,
): Action {
  return {
    operands,
    options: ["api-url", "org", ...own],
    run: async (config, values, given, io) => {
      const [{ definedOrThrow }, action] = await Promise.all([import("./monitors/definitions.ts"), load()]);
      return action({ config, values, operands: given, desired: () => definedOrThrow(config), io });
    },
  };
}

export const command: Command = {
  summary: "monitors as code: validate, plan, apply, drift, adopt, destroy",
  usage,
  options,
  words: Object.keys(actions),
  run: async (args, io) => {
    const { values, positionals } = parse(args);
    const [name = "", ...operands] = positionals;
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (name === "") throw new UsageError(`monitors: which action? There are ${Object.keys(actions).join(", ")}`);
    if (action === undefined)
      throw new UsageError(`monitors ${name}: there is no such action${nearestOf(name, Object.keys(actions))}`);
    const extra = operands.slice(action.operands);
    if (extra.length > 0) throw new UsageError(`monitors ${name}: unexpected ${extra.join(" ")}`);
    refuseForeign(name, action, values);
    return action.run(configOf(values, io).config, values, operands, io);
  },
};

/** An option of another action's is refused, not ignored: `plan --yes` may have been meant as `apply --yes`. */
function refuseForeign(name: string, action: Action, values: Values): void {
  const given: Readonly<Record<string, unknown>> = values;
  for (const option of Object.keys(options))
    if (given[option] !== undefined && !action.options.some((one) => one === option))
      throw new UsageError(`--${option}: monitors ${name} has no such option`);
}
