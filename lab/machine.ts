import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { execPath } from "node:process";
import { fileURLToPath } from "node:url";
import { Daemon } from "./daemon.ts";
import type { LabHost } from "./host.ts";
import { type Finished, pinnedEnv } from "./process.ts";

/** Sections of the configuration, such as `{ worker: { mode: "auto" } }`. */
export type Settings = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Who a program runs as: by number, since the machine need not know such users. */
export interface User {
  readonly id: string;
  readonly group: string;
  /** One more. */
  readonly also?: string;
}

/** How the pack is started on a host. */
export interface Program {
  readonly node: string;
  readonly main: string;
}

interface MachineOptions {
  readonly host: LabHost;
  /** Of its configuration, its logs and its states; all hosts see it at this path. */
  readonly folder: string;
  readonly program: Program;
  readonly settings: readonly (Settings | undefined)[];
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** One host of a lab with one configuration of the pack: whoever uses it. */
export class Machine {
  readonly host: LabHost;
  readonly folder: string;
  /** For `--config`. */
  readonly config: string;
  readonly #program: Program;
  readonly #env: NodeJS.ProcessEnv;

  /** Writes the configuration: of two that set the same key the latter holds. */
  constructor({ host, folder, program, settings, env }: MachineOptions) {
    [this.host, this.folder, this.#program] = [host, folder, program];
    this.config = `${folder}/overlaywatch.yaml`;
    this.#env = { ...pinnedEnv, ...env };
    mkdirSync(folder, { recursive: true });
    // Whatever the umask: users without rights read it.
    chmodSync(folder, 0o755);
    // JSON is YAML too.
    writeFileSync(this.config, `${JSON.stringify(merged(settings), undefined, 1)}\n`);
    chmodSync(this.config, 0o644);
  }

  /** How `overlaywatch ARGS` is run there, with its configuration. */
  argv(args: readonly string[]): readonly string[] {
    return [this.#program.node, this.#program.main, ...args, "--config", this.config];
  }

  /** Runs `overlaywatch ARGS` to its end there, as root. Throws where it can not start or is too slow, not for its exit code. */
  async overlaywatch(args: readonly string[], timeout?: number): Promise<Finished> {
    return this.host.exec(this.argv(args), { env: this.#env, timeout });
  }

  /** Its log is `NAME.log` in the folder. */
  daemon(name: string, args: readonly string[], ready: RegExp, user?: User): Daemon {
    const argv = this.host.argv([...(user === undefined ? [] : as(user)), ...this.argv(args)]);
    const env = this.host.environment(this.#env);
    return new Daemon({ name: `${name} of ${this.host.name}`, argv, env, log: `${this.folder}/${name}.log`, ready });
  }

  /** A folder of that user's. */
  async folderOf({ id, group }: User, path: string, mode: string): Promise<void> {
    await done(this.host, ["install", "-d", "-o", id, "-g", group, "-m", mode, path]);
  }

  /** A file of the operator's becomes that user's alone. */
  async giveTo({ id, group }: User, from: string, to: string): Promise<void> {
    await done(this.host, ["install", "-o", id, "-g", group, "-m", "0600", from, to]);
  }
}

/** How a program is started as that user, without any right and with no way to one. */
export function as({ id, group, also }: User): readonly string[] {
  const groups = also === undefined ? "--clear-groups" : `--groups=${also}`;
  return ["/usr/bin/setpriv", `--reuid=${id}`, `--regid=${group}`, groups, "--bounding-set=-all", "--no-new-privs"];
}

function merged(all: readonly (Settings | undefined)[]): Settings {
  const sections: Record<string, Record<string, unknown>> = {};
  for (const one of all)
    for (const [key, section] of Object.entries(one ?? {})) sections[key] = { ...sections[key], ...section };
  return sections;
}

const main = fileURLToPath(new URL("../agent/main.js", import.meta.url));
const clone = fileURLToPath(new URL("../..", import.meta.url));

/**
 * The pack as a user without rights can start it there. A clone in root's own folder is shown at a second place, to that host
 * alone, and so is a Node that others can not run; both go with the host.
 */
export async function programFor(host: LabHost, { id, group }: User): Promise<Program> {
  const said = await done(host, ["/bin/sh", "-euc", showScript, "sh", id, group, execPath, main, clone]);
  const [node = execPath, root = clone] = said.split("\n");
  return { node, main: main.replace(clone, root) };
}

const showScript = `can='test -x "$1" && test -r "$2"'
if setpriv --reuid="$1" --regid="$2" --clear-groups /bin/sh -c "$can" sh "$3" "$4"; then
  printf '%s\\n' "$3" "$5"
  exit
fi
shown=/run/overlaywatch-program
mkdir -p $shown/clone && touch $shown/node
mountpoint -q $shown/clone || mount --bind "$5" $shown/clone
mountpoint -q $shown/node || mount --bind "$3" $shown/node
printf '%s\\n' $shown/node $shown/clone/`;

/** Throws for an exit code other than 0. */
async function done(host: LabHost, command: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await host.exec(command);
  if (code === 0) return stdout;
  throw new Error(`${command.join(" ")} on ${host.name}: exit code ${code}: ${stderr.trim()}`);
}
