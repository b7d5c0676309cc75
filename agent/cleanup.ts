import { type HostWideClass, hostWideClasses } from "../overlay/remedy/host-wide.ts";
import { type Strategy, strategies } from "../overlay/remedy/plan.ts";
import { type Command, configOf, type Io, parseCommand } from "./command.ts";
import { nearestOf } from "./config/nearest.ts";
import { UsageError } from "./exit-codes.ts";
import { cleanup } from "./remedy/cleanup.ts";
import { streamLog } from "./log.ts";
import { journalDoor, openNotes } from "./notes.ts";
import { remedyNote } from "./remedy/note.ts";
import { type CleanupJson, cleanupText, remedyExits } from "./remedy/outcome.ts";

const usage = `usage: overlaywatch cleanup [--apply] [--network N] [--strategy S] [--all] [--unattended]
       overlaywatch cleanup --class C [--apply]

Heals local containers that are cut off by wrong rows of the overlay network. Prints the commands and does nothing, unless
told to. With --apply it notes what was, acts, reads every row again, pings from the containers' own namespaces, and
takes everything back where that did not help. Needs root.
  --apply         do it
  --network N     only this network, by name or id
  --strategy S    pin (default)   the MAC is kept on its container's port; the engine's rows stay
                  clean           the wrong rows are deleted; not on engine 29 and later
                  arp             only ARP rows are deleted: does not heal an established outage
                  learning-off    the bridge learns nothing on the vxlan port: floods
  --all           latent faults too, before they do harm
  --class C       not rows, but what concerns the whole host, and only when asked for
                  neighbour-table-full  the limits go up to those that the engine sets; never down
                  orphan-vxlan-link     a device that the engine left in the host's namespace is deleted
  --unattended    nobody watches: caps, cooldown, breaker and untested engines then stop it, as they stop the program
  --json          {outcome,actions:[{command,reason,class,result,...}],verified,undo,refused,ambiguous,loss,notes,unfinished}

Example: overlaywatch cleanup --network testnet --apply

Exit code 0: nothing active to do; 10: cured and verified; 11: a dry run found work; 20: refused (said why); 30: it did
not help and was undone; 31: undoing failed; 40: something is left that a person has to judge; 69: Docker does not answer;
75: another run is at work.
`;

const options = {
  apply: { type: "boolean" },
  network: { type: "string" },
  strategy: { type: "string" },
  all: { type: "boolean" },
  unattended: { type: "boolean" },
  class: { type: "string" },
} as const;

type Values = ReturnType<typeof parseCommand<typeof options>>["values"];

export const command: Command = {
  summary: "heal what doctor found, prove it, or undo it",
  usage,
  options,
  run: async (args, io) => {
    const { values } = parseCommand(args, options);
    const { config } = configOf(values, io);
    const hostWide = classOf(values);
    const json = await cleanup(
      config,
      {
        apply: values.apply === true,
        strategy: strategyOf(values.strategy) ?? config.remedy.strategy,
        all: values.all === true,
        repin: false,
        who: values.unattended === true ? "automatic" : "operator",
        network: values.network,
        ...(hostWide === undefined ? {} : { hostWide }),
        holder: `overlaywatch cleanup, process ${io.pid}`,
        say: (sentence) => void io.stderr.write(`${sentence}\n`),
      },
      io.signal,
    );
    const { outcome, strategy, ...rest } = json;
    const ordered = { outcome, strategy, ...rest };
    io.stdout.write(values.json === true ? `${JSON.stringify(ordered, undefined, 1)}\n` : cleanupText(json));
    if (values.apply === true) await note(json, io);
    return remedyExits[json.outcome];
  },
};

/** Kept in the journal, for whoever asks later. */
async function note(json: CleanupJson, { stderr }: Io): Promise<void> {
  const draft = remedyNote(json);
  if (draft === undefined) return;
  const log = streamLog(stderr);
  const door = journalDoor(log);
  openNotes(door, log).write(draft);
  await door.close();
}

/** It goes with nothing that is about rows, nor without a person. */
function classOf({ class: name, network, strategy, all, unattended }: Values): HostWideClass | undefined {
  if (name === undefined) return undefined;
  const known = hostWideClasses.find((one) => one === name);
  const expected = `expected one of ${hostWideClasses.join(", ")}`;
  if (known === undefined) throw new UsageError(`--class ${name}: ${expected}${nearestOf(name, hostWideClasses)}`);
  const others = { network, strategy, all, unattended };
  const other = Object.entries(others).find(([, value]) => value !== undefined)?.[0];
  if (other !== undefined) throw new UsageError(`--class ${name} goes with --apply only, not with --${other}`);
  return known;
}

function strategyOf(name: string | undefined): Strategy | undefined {
  const known = strategies.find((one) => one === name);
  if (name !== undefined && known === undefined)
    throw new UsageError(`--strategy ${name}: expected one of ${strategies.join(", ")}${nearestOf(name, strategies)}`);
  return known;
}
