import { dockerClient } from "../host/docker/client.ts";
import { socketPathOf } from "../host/docker/socket.ts";
import { down, findLab, type Lab, setup, up } from "../lab/lab.ts";
import { type Command, configOf, type Io, parseCommand } from "./command.ts";
import { durationFlag, endingOf } from "./ending.ts";
import { exitCodes, UnavailableError } from "./exit-codes.ts";
import { watchLab } from "./lab-watch.ts";

const usage = `usage: overlaywatch quickstart [--for DURATION] [--name lab]

A live table of the network rates of every container: of this machine's Docker engine where one answers, otherwise of a
lab of two real ones, set up and started for it.
  --for DURATION   shows it for that time, once everything is set up, and ends
  --name NAME      of the lab, default lab

Example: overlaywatch quickstart --for 30s

Exit code 0: ended, by the time or by SIGTERM; 1: stopped within set-up; 69: neither Docker nor a lab can be used.
`;

/** Short, so that a person sees figures soon; the table is not sent anywhere. */
const interval = "2s";

const options = { for: { type: "string" }, name: { type: "string", default: "lab" } } as const;

export const command: Command = {
  summary: "a live table of this machine's containers, or of a lab's",
  usage,
  options,
  run: async (args, io) => {
    const { values } = parseCommand(args, options);
    const { config } = configOf(values, io);
    if (values.for !== undefined) durationFlag("--for", values.for);
    const socket = socketPathOf(config.docker.socket);
    if (await answers(socket)) return watchEngine(withoutName(args), socket, io);
    io.stderr.write(`quickstart: no Docker engine answers on ${socket}: using the lab\n`);
    return watchOwnLab(values.name, io, values.for);
  },
};

async function answers(socketPath: string): Promise<boolean> {
  try {
    await dockerClient({ socketPath, timeoutMs: 2000 }).ping();
    return true;
  } catch {
    return false;
  }
}

/** `run` has no lab to name. */
function withoutName(args: readonly string[]): readonly string[] {
  return args.filter((arg, i) => !/^--name(?:=|$)/u.test(arg) && args[i - 1] !== "--name");
}

async function watchEngine(args: readonly string[], socket: string, io: Io): Promise<number> {
  io.stderr.write(`quickstart: watching the Docker engine on ${socket}\n`);
  const { command: run } = await import("./run.ts");
  const env = { OVERLAYWATCH_COLLECTORS_INTERFACES_INTERVAL: interval, ...io.env };
  return run.run(["interfaces", "--sink", "console", ...args], { ...io, env });
}

async function watchOwnLab(name: string, io: Io, time: string | undefined): Promise<number> {
  const log = (line: string) => void io.stderr.write(`quickstart: ${line}\n`);
  const running = runningLab(name);
  try {
    await setup({}, log);
    const lab = running ?? (await up({ name }, { signal: io.signal, log }));
    await lab.startTraffic();
    log("pings run between all containers and to docker_gwbridge; figures come within some seconds");
    // Counted from here: set-up takes as long as this machine and its mirror take.
    await watchLab(lab, interval, io, endingOf(time, io.signal));
  } catch (cause) {
    if (io.signal.aborted) return exitCodes.failed;
    throw new UnavailableError("the lab can not be used (it needs root, and Debian's packages)", { cause });
  }
  if (io.signal.aborted && running === undefined) await down(name, log);
  else log(`the lab is still up; ./scripts/overlaywatch lab down --name ${name} removes it`);
  return exitCodes.ok;
}

function runningLab(name: string): Lab | undefined {
  try {
    return findLab(name);
  } catch {
    return undefined;
  }
}
