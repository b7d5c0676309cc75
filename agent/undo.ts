import { type Command, configOf, parseCommand } from "./command.ts";
import { UsageError } from "./exit-codes.ts";
import { remedyExits } from "./remedy/outcome.ts";
import { undo, undoText } from "./remedy/undo.ts";

const usage = `usage: overlaywatch undo FILE [--restore-fault]

Takes back what a cleanup changed, as far as it is still there: FILE is the one that it named, also of a run that was
killed. Rows that were the fault stay away, and a pin goes only together with the rows that would loop without it. Needs
root; works under a pause too, for it is a person's own.
  --restore-fault   every row exactly as it was before, the fault too
  --json            {outcome,actions:[{command,container,result}],kept:[{container,sentence}],notes}

Example: overlaywatch undo UNDO_FILE

Exit code 0: done, or nothing was left to be done; 20: refused (said why); 31: it could not be done; 40: something was
kept on purpose (said why); 75: another run is at work.
`;

const options = { "restore-fault": { type: "boolean" } } as const;

export const command: Command = {
  summary: "take back what a cleanup changed",
  usage,
  options,
  run: async (args, io) => {
    const { values, positionals } = parseCommand(args, options, "some");
    const [file, ...more] = positionals;
    if (file === undefined) throw new UsageError("undo: the file that a cleanup named is missing");
    if (more.length > 0) throw new UsageError(`undo: one file at a time, not also ${more.join(" ")}`);
    const { config } = configOf(values, io);
    const holder = `overlaywatch undo, process ${io.pid}`;
    const json = await undo(config, { file, cwd: io.cwd, restoreFault: values["restore-fault"] === true, holder });
    io.stdout.write(values.json === true ? `${JSON.stringify(json, undefined, 1)}\n` : undoText(json));
    return remedyExits[json.outcome];
  },
};
