import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { pinnedEnv } from "./process.ts";
import { engines } from "./shape.ts";

/** Where the lab keeps everything: `engines/`, `tools/` and a folder for each lab. */
export const labRoot = "/var/lib/overlaywatch-lab";

const processId = z.strictObject({ pid: z.number(), startTime: z.string() });
const stateSchema = z.strictObject({
  phase: z.enum(["starting", "ready", "failed"]),
  shape: z.strictObject({
    hosts: z.number(),
    driver: z.enum(["classic", "swarm"]),
    engine: z.enum(engines),
    containers: z.number(),
  }),
  underlay: processId.optional(),
  /** The holder of each host's namespaces, in order. */
  hosts: z.array(processId),
});

/** What is written down about a lab. */
export type LabState = z.output<typeof stateSchema>;

/** The folder of one lab: `lab.json`, `logs/`, and `shared/`, which all its hosts see at the same path. */
export class LabFolder {
  readonly path: string;
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
    this.path = `${labRoot}/labs/${name}`;
  }

  get shared(): string {
    return `${this.path}/shared`;
  }

  log(of: string): string {
    return `${this.path}/logs/${of}.log`;
  }

  create(): void {
    mkdirSync(`${this.path}/logs`, { recursive: true });
    mkdirSync(this.shared, { recursive: true });
  }

  exists(): boolean {
    return existsSync(this.path);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  /** Whole or not at all, whenever the writer dies. */
  write(state: LabState): void {
    const fresh = `${this.path}/lab.json.new`;
    writeFileSync(fresh, `${JSON.stringify(state, undefined, 2)}\n`);
    renameSync(fresh, `${this.path}/lab.json`);
  }

  /** Undefined where there is no such lab, or what is there can not be read as one (an `up` cut short). */
  read(): LabState | undefined {
    try {
      return stateSchema.parse(JSON.parse(readFileSync(`${this.path}/lab.json`, "utf8")));
    } catch {
      return undefined;
    }
  }

  /** Keeps other `up` and `down` of this name out until the returned function is called or this process ends. */
  async lock(): Promise<() => Promise<void>> {
    mkdirSync("/run/overlaywatch-lab", { recursive: true });
    return takeLock(`/run/overlaywatch-lab/${this.#name}.lock`, this.#name);
  }
}

export function labNames(): string[] {
  try {
    return readdirSync(`${labRoot}/labs`).sort();
  } catch {
    return [];
  }
}

/**
 * The kernel's own lock, held by a `cat` that ends when our end of its pipe closes, however we die. Detached: a
 * Ctrl-C on the terminal must not free the lock while the lab is still being taken down.
 */
async function takeLock(file: string, name: string): Promise<() => Promise<void>> {
  // A short wait: who has just died or is about to leave is not at work.
  const argv = ["--wait", "0.5", "--conflict-exit-code", "75", file, "sh", "-c", "echo locked && exec cat"];
  const child = spawn("/usr/bin/flock", argv, { env: pinnedEnv, detached: true, stdio: ["pipe", "pipe", "ignore"] });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const failed = new Promise<never>((_, reject) => {
    child.once("error", (cause) => reject(new Error("can not run /usr/bin/flock (package util-linux)", { cause })));
  });
  const locked = new Promise<"locked">((resolve) => child.stdout.once("data", () => resolve("locked")));
  const outcome = await Promise.race([locked, ended, failed]);
  if (outcome === 75) throw new Error(`another up or down of lab "${name}" is at work: wait until it is done`);
  if (outcome !== "locked") throw new Error(`flock ${file}: exit code ${outcome}`);
  return async () => {
    child.stdin.end();
    await ended;
  };
}
