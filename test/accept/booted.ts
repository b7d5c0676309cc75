import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { LabHost } from "../../lab/host.ts";
import type { Lab } from "../../lab/lab.ts";
import { run, until } from "../../lab/process.ts";
import { type Program, start } from "./program.ts";

/** Both hierarchies that systemd 252 wants beside each other; services' filters of addresses hang on the second. */
const hierarchies = ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"];

/** Whether systemd can be booted here beside whatever runs. */
export const canBoot = (): boolean =>
  ["/lib/systemd/systemd", "/usr/bin/systemd-sysusers", ...hierarchies].every((path) => existsSync(path));

/** A real systemd on a lab host, with the shipped units as they are, users and folders as shipped, this tree in /usr/lib/overlaywatch. */
export class Booted {
  readonly #program: Program;
  readonly #groups: readonly string[];
  readonly #folder: string;
  #pid = 0;

  private constructor(program: Program, groups: readonly string[], folder: string) {
    [this.#program, this.#groups, this.#folder] = [program, groups, folder];
  }

  static async on(lab: Lab, host: LabHost): Promise<Booted> {
    const folder = mkdtempSync(join(lab.shared, "boot-"));
    const groups = hierarchies.map((root) => `${root}/overlaywatch-boot-${process.pid}-${lab.name}`);
    for (const group of groups) mkdirSync(group, { recursive: true });
    const joined = [...groups.map((group) => `echo 0 > ${group}/cgroup.procs`), 'exec "$@"'].join(" && ");
    const namespaces = [
      "--mount",
      "--propagation",
      "slave",
      "--pid",
      "--fork",
      "--kill-child",
      "--ipc",
      "--cgroup",
      "--mount-proc",
    ];
    const boot = ["/usr/bin/unshare", ...namespaces, "/bin/sh", `${process.cwd()}/test/accept/boot-systemd.sh`];
    const [command, ...args] = host.argv(["/bin/sh", "-c", joined, "sh", ...boot, folder, process.cwd()]);
    const booted = new Booted(start([command, ...args], host.environment()), groups, folder);
    try {
      await booted.#up();
    } catch (error) {
      await booted.end();
      throw error;
    }
    return booted;
  }

  async #up(): Promise<void> {
    const program = this.#program;
    this.#pid = await until(
      () => childOf(program.child.pid ?? 0),
      10_000,
      () => new Error(`systemd was not started: ${program.err()}`),
    );
    await until(
      async () => ((await this.run(["systemctl", "is-system-running"])).stdout === "running\n" ? true : undefined),
      30_000,
      () => new Error(`systemd does not come up: ${program.out()}${program.err()}`),
    );
  }

  /** A program beside systemd, with every right. */
  async run(command: readonly string[]) {
    return run(["/usr/bin/nsenter", "-t", String(this.#pid), "-a", "--", ...command], {});
  }

  /** The same; throws unless it ends well. Gives what it printed. */
  async must(command: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(command);
    if (code !== 0) throw new Error(`${command.join(" ")}: exit code ${code}: ${stdout}${stderr}`);
    return stdout;
  }

  /** In one file, as an operator would put it there. */
  async write(path: string, text: string): Promise<void> {
    await this.must(["/bin/sh", "-c", 'mkdir -p "$(dirname "$1")" && printf %s "$2" > "$1"', "sh", path, text]);
  }

  /** One line to a socket, and the line that is answered. */
  async ask(path: string, line: string): Promise<string> {
    const script = `const s = require("node:net").connect(process.argv[1], () => s.write(process.argv[2] + "\\n"));
      s.on("data", (d) => process.stdout.write(d)); s.on("error", (e) => process.stdout.write(""))`;
    return this.must([process.execPath, "-e", script, path, line]);
  }

  async end(): Promise<void> {
    await this.#program.stop("SIGKILL");
    for (const group of this.#groups) await removed(group);
    rmSync(this.#folder, { recursive: true });
  }
}

/** The program is in a process namespace of its own: it is the child of who made that. */
function childOf(pid: number): number | undefined {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return children === "" ? undefined : Number(children.split(" ")[0]);
}

/** With all below it; what is still ending in there is waited for. */
async function removed(group: string, tries = 50): Promise<void> {
  const below = readdirSync(group, { withFileTypes: true }).filter((one) => one.isDirectory());
  for (const { name } of below) await removed(join(group, name));
  try {
    rmdirSync(group);
  } catch (error) {
    if (tries === 0) throw error;
    await sleep(100);
    await removed(group, tries - 1);
  }
}
