import * as lab from "../lab/commands.ts";
import { type Command, type Io, parseCommand } from "./command.ts";
import { nearestOf } from "./config/nearest.ts";
import { UsageError } from "./exit-codes.ts";

const usage = `usage: overlaywatch lab ACTION [--name lab] [OPTION...]

Real Docker engines on this machine, each in namespaces of its own, joined by an overlay network: for trying things and
for tests. Needs root. Nothing is installed into the system's own Docker, nothing is left after \`down\`.
  setup                     fetch and unpack the engine (Debian's packages, into /var/lib/overlaywatch-lab)
  up                        start it: testnet 10.0.0.0/24, containers A1 B1 on dockerhost1, A2 B2 on dockerhost2
    --hosts N               default 2
    --containers N          on each host, default 2
    --driver classic|swarm  classic: overlay over etcd, as before swarm mode
    --engine VERSION        20.10 (default), 26.1 or 28.5; classic needs 20.10
  down                      end it and remove every trace
  status                    hosts, with a process in each; --json: {hosts:[{name,pid,vtep,socket,netns_dir}]}
  exec N -- CMD...          run a command on host N
  traffic start|stop        a steady, known flow on every container
  traffic chatty            everyday life of a classic host: each container of a host pings its neighbour, and forgets
                            its address before each ping; traffic stop ends it
    --host N                default 1
    --rate N                pings a second of each container, default 20
  break [A B] [--host N]    two containers of one host lose each other, as in moby#29024; verified before it returns
  mend [A B] [--host N]     undo it

Example: overlaywatch lab up --driver swarm --engine 28.5

Exit code 0: done; 1: not (said why), or an engine of \`status\` does not answer; 69: setup, up and down: not root. \`exec\` ends
as its command did.
`;

const options = {
  name: { type: "string" },
  hosts: { type: "string" },
  containers: { type: "string" },
  driver: { type: "string" },
  engine: { type: "string" },
  host: { type: "string" },
  rate: { type: "string" },
} as const;

type Values = Partial<Record<keyof typeof options, string | undefined>> & { readonly json?: boolean | undefined };

interface Request {
  readonly values: Values;
  readonly a: string | undefined;
  readonly b: string | undefined;
  /** What stands behind `--`. */
  readonly argv: readonly string[];
}

interface Action {
  readonly operands: number;
  readonly run: (request: Request, terminal: lab.LabTerminal) => Promise<number>;
}

const actions: Readonly<Record<string, Action>> = {
  setup: { operands: 0, run: ({ values }, terminal) => lab.labSetup(values, terminal) },
  up: { operands: 0, run: ({ values }, terminal) => lab.labUp(values, terminal) },
  down: { operands: 0, run: ({ values }, terminal) => lab.labDown(values, terminal) },
  status: { operands: 0, run: ({ values }, terminal) => lab.labStatus(values, terminal) },
  exec: { operands: 1, run: ({ values, a, argv }, terminal) => lab.labExec(values, a ?? "", argv, terminal) },
  traffic: {
    operands: 1,
    run: ({ values, a }, terminal) => labTraffic(a ?? "", values, terminal),
  },
  break: { operands: 2, run: ({ values, a, b }, terminal) => lab.labBreak({ ...values, a, b }, terminal) },
  mend: { operands: 2, run: ({ values, a, b }, terminal) => lab.labMend({ ...values, a, b }, terminal) },
};

export const command: Command = {
  summary: "a cluster of real Docker hosts on this machine",
  usage,
  options,
  words: Object.keys(actions),
  run: async (args, io) => {
    const dashes = args.indexOf("--");
    const { values, positionals } = parseCommand(dashes === -1 ? args : args.slice(0, dashes), options, "some");
    const [name = "", ...operands] = positionals;
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (name === "") throw new UsageError(`lab: which action? There are ${Object.keys(actions).join(", ")}`);
    if (action === undefined)
      throw new UsageError(`lab ${name}: there is no such action${nearestOf(name, Object.keys(actions))}`);
    if (operands.length > action.operands)
      throw new UsageError(`lab ${name}: unexpected ${operands.slice(action.operands).join(" ")}`);
    const [a, b] = operands;
    const argv = dashes === -1 ? [] : args.slice(dashes + 1);
    return action.run({ values, a, b, argv }, terminalOf(io));
  },
};

async function labTraffic(action: string, { name, host, rate, json }: Values, terminal: lab.LabTerminal) {
  return lab.labTraffic(action, { name, host, pingsPerSecond: rate, json }, terminal);
}

function terminalOf({ stdout, stderr, env, cwd, signal }: Io): lab.LabTerminal {
  return { out: stdout, err: stderr, env: { ...env }, cwd, signal };
}
