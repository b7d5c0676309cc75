import { printable } from "../host/iproute2/error.ts";
import { commonUsage, type Command, type Io } from "./command.ts";
import { nearestOf } from "./config/nearest.ts";
import { errorText } from "./error-text.ts";
import { ConfigError, exitCodes, UnavailableError, UsageError } from "./exit-codes.ts";

/** Loaded when asked for: no command pays for another's imports. */
const commands: Readonly<Record<string, () => Promise<{ command: Command }>>> = {
  approve: () => import("./approve.ts"),
  check: () => import("./check.ts"),
  cleanup: () => import("./cleanup.ts"),
  completion: async () => ({ command: (await import("./completion.ts")).completionOf(commands) }),
  configcheck: () => import("./configcheck.ts"),
  demo: () => import("./demo.ts"),
  "disconnect-stale-endpoints": () => import("./disconnect-stale-endpoints.ts"),
  "docker-state-cleanup": () => import("./docker-state-cleanup.ts"),
  doctor: () => import("./doctor.ts"),
  explain: () => import("./explain.ts"),
  fleet: () => import("./fleet.ts"),
  follow: () => import("./follow.ts"),
  helperd: () => import("./helperd.ts"),
  lab: () => import("./lab.ts"),
  monitors: () => import("./monitors.ts"),
  pause: () => import("./pause.ts"),
  quickstart: () => import("./quickstart.ts"),
  record: () => import("./record.ts"),
  run: () => import("./run.ts"),
  sink: () => import("./sink.ts"),
  standin: () => import("./standin.ts"),
  status: () => import("./status.ts"),
  undo: () => import("./undo.ts"),
  webhook: () => import("./webhook.ts"),
  worker: () => import("./worker.ts"),
};

/** Runs the command that the arguments name and returns its exit code; never throws. */
export async function main(args: readonly string[], io: Io): Promise<number> {
  try {
    return await dispatch(args, io);
  } catch (error) {
    const expected = error instanceof UsageError || error instanceof ConfigError || error instanceof UnavailableError;
    // It may quote what another host, or a file of it, says.
    const lines = (expected ? error.message : errorText(error)).split("\n").map(printable);
    io.stderr.write(`overlaywatch: ${lines.join("\n")}\n`);
    return expected ? error.exitCode : exitCodes.failed;
  }
}

async function dispatch([name = "help", ...rest]: readonly string[], io: Io): Promise<number> {
  if (["--version", "version"].includes(name)) {
    const { version } = await import("./version.ts");
    return print(io, `overlaywatch ${await version()}\n`);
  }
  if (["--help", "-h", "help"].includes(name)) return help(rest[0], io);
  const { command } = await commandNamed(name);
  const own = rest.includes("--") ? rest.slice(0, rest.indexOf("--")) : rest;
  if (own.includes("--help") || own.includes("-h")) return print(io, `${command.usage}\n${commonUsage}`);
  return command.run(rest, io);
}

function commandNamed(name: string): Promise<{ command: Command }> {
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load === undefined)
    throw new UsageError(`${name}: there is no such command${nearestOf(name, Object.keys(commands))}`);
  return load();
}

async function help(name: string | undefined, io: Io): Promise<number> {
  if (name !== undefined) return print(io, `${(await commandNamed(name)).command.usage}\n${commonUsage}`);
  const lines = await Promise.all(
    Object.entries(commands).map(
      async ([command, load]) => `  ${command.padEnd(26)} ${(await load()).command.summary}\n`,
    ),
  );
  return print(
    io,
    `usage: overlaywatch COMMAND [OPTION...]\n\n${lines.join("")}\n${commonUsage}\noverlaywatch help COMMAND says more.\n`,
  );
}

function print(io: Io, text: string): Promise<number> {
  io.stdout.write(text);
  return Promise.resolve(exitCodes.ok);
}
