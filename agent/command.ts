import { parseArgs, type ParseArgsConfig } from "node:util";
import { resolve } from "node:path";
import type { Readable, Writable } from "node:stream";
import { messageOf } from "../host/thrown.ts";
import { loadConfig } from "./config/load.ts";
import { nearestOf } from "./config/nearest.ts";
import type { Setting } from "./config/settings.ts";
import { UsageError } from "./exit-codes.ts";

type ArgsOptions = NonNullable<ParseArgsConfig["options"]>;

/** What an entry point gives to a command: nothing below reads environment, streams or signals by itself. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  /** How this very program is started: interpreter and script. */
  readonly self: readonly string[];
  /** Of this process. */
  readonly pid: number;
  /** The working folder. */
  readonly cwd: string;
  readonly stdout: Terminal;
  readonly stderr: Terminal;
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** From now on the second does not end the process: for a command that has to take down what it started. */
  readonly outlast: () => void;
}

export type Terminal = Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };

export interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  /** The whole help text, options included. */
  readonly usage: string;
  /** Beside the common ones. */
  readonly options: ArgsOptions;
  /** What its first operand can be, where that is known. */
  readonly words?: readonly string[];
  /** Resolves to the exit code. */
  readonly run: (args: readonly string[], io: Io) => Promise<number>;
}

/** Understood by every command. */
export const commonOptions = {
  json: { type: "boolean" },
  config: { type: "string" },
  "docker-socket": { type: "string" },
  "netns-dir": { type: "string" },
  "host-root": { type: "string" },
  "state-dir": { type: "string" },
} as const;

export const commonUsage = `Everywhere:
  --json                machine-readable output
  --config FILE         default /etc/overlaywatch/overlaywatch.yaml, optional
  --docker-socket PATH  default DOCKER_HOST, then /var/run/docker.sock
  --netns-dir DIR       default /var/run/docker/netns
  --host-root DIR       where the host's root is mounted, default /
  --state-dir DIR       default /var/lib/overlaywatch
Every command exits 64 where the command line is wrong and 78 where the configuration is: nothing was done then.
A second SIGINT or SIGTERM ends it at once, with 130; \`demo\` takes down what it started first.
`;

const flagPaths = {
  "docker-socket": ["docker", "socket"],
  "netns-dir": ["paths", "netns_dir"],
  "host-root": ["paths", "host_root"],
  "state-dir": ["paths", "state_dir"],
} as const;

/** Parses a command's arguments together with the common ones; operands only where it takes some. Throws `UsageError`. */
export function parseCommand<const O extends ArgsOptions>(
  args: readonly string[],
  options: O,
  operands: "none" | "some" = "none",
) {
  const parsed = parse(args, options);
  const [first] = parsed.positionals;
  if (operands === "none" && first !== undefined) throw new UsageError(`${first}: this command takes only options`);
  return parsed;
}

function parse<const O extends ArgsOptions>(args: readonly string[], options: O) {
  const all = { ...commonOptions, ...options };
  try {
    return parseArgs({ args: [...args], options: all, allowPositionals: true, strict: true });
  } catch (cause) {
    const message = messageOf(cause);
    const [, unknown] = /^Unknown option '(-{1,2}[^']+)'/u.exec(message) ?? [];
    if (unknown === undefined) throw new UsageError(message, { cause });
    const known = Object.keys(all).map((name) => `--${name}`);
    // Said whole: what Node has to say beside it is about `--`.
    throw new UsageError(`${unknown}: there is no such option${nearestOf(unknown, known)}`);
  }
}

type CommonValues = Readonly<Partial<Record<keyof typeof flagPaths | "config", string | undefined>>>;

/** The configuration that flags, environment and file make; `more` are a command's own flags that set keys. */
export function configOf(values: CommonValues, io: Io, more: readonly Setting[] = []) {
  const flags: Setting[] = [...more];
  for (const name of ["docker-socket", "netns-dir", "host-root", "state-dir"] as const) {
    const value = values[name];
    if (value !== undefined) flags.push({ path: flagPaths[name], value: placed(name, value, io), origin: `--${name}` });
  }
  return loadConfig({ flags, env: io.env, ...(values.config === undefined ? {} : { file: values.config }) });
}

/** A folder is where it is for who typed it; a socket may be an address. */
const placed = (name: keyof typeof flagPaths, value: string, { cwd }: Io): string =>
  name === "docker-socket" || value === "" ? value : resolve(cwd, value);
