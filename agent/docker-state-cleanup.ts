import { dockerState } from "./by-hand/docker-state.ts";
import { guarded } from "./by-hand/guarded.ts";
import { byHandExits } from "./by-hand/outcome.ts";
import { noState, type StateJson, stateText } from "./by-hand/state-told.ts";
import { type Command, configOf, parseCommand } from "./command.ts";
import { UsageError } from "./exit-codes.ts";

const usage = `usage: overlaywatch docker-state-cleanup [--data-root DIR] [--apply [--yes HOSTNAME]]

Removes all state of this host's Docker engine except images: containers, volumes, local networks, swarm membership, build
cache, plugins and the databases behind them. In two steps, for only the engine can tell container layers from images':
  1. while it runs, with every container stopped: the engine itself removes what it can
  2. with the engine stopped: the folders that are left below its data root
Refused while a container runs, while an engine is at work on the folders, where something is mounted below, and for a
folder that is not an engine's. Links are removed as links. Needs root.
  --data-root DIR   for the second step; for the first the engine tells it
  --apply           do it; without, nothing is changed
  --yes HOSTNAME    nobody is asked to type the host's name
  --json            {outcome,data_root,items:[{kind,name,bytes,result,sentence}],images:{before,after},refused,notes,record}

Example: overlaywatch docker-state-cleanup --apply

Exit code 0: nothing to do; 10: done and verified; 11: a dry run found work; 20: refused (said why); 30: not all was removed,
or could be verified; 40: the first step is done, now stop the engine; 69: Docker hangs, or may not be asked; 75: another run
is at work.
`;

const options = { "data-root": { type: "string" }, apply: { type: "boolean" }, yes: { type: "string" } } as const;

export const command: Command = {
  summary: "remove all Docker state of this host except images",
  usage,
  options,
  run: async (args, io) => {
    const { values } = parseCommand(args, options);
    const { config } = configOf(values, io);
    const apply = values.apply === true;
    if (values.yes !== undefined && !apply) throw new UsageError("--yes: only together with --apply");
    const request = { apply, yes: values.yes, dataRoot: values["data-root"] };
    const holder = `overlaywatch docker-state-cleanup, process ${io.pid}`;
    const json = await guarded(config, { apply, holder }, ended, async () => dockerState(config, request, io));
    const { outcome, ...rest } = json;
    io.stdout.write(values.json === true ? `${JSON.stringify({ outcome, ...rest }, undefined, 1)}\n` : stateText(json));
    return byHandExits[json.outcome];
  },
};

const ended = (outcome: StateJson["outcome"], reason: StateJson["refused"][number]): StateJson => ({
  ...noState,
  outcome,
  refused: [reason],
});
