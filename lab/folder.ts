import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { onlyOne, Taken } from "./only-one.ts";
import { engines } from "./shape.ts";

/** Where the lab keeps everything: `engines/`, `tools/` and a folder for each lab. */
export const labRoot = "/var/lib/overlaywatch-lab";

/** Locks alone, each gone with its holder. */
export const lockFolder = "/run/overlaywatch-lab";

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

  /** Held by a demo that runs in this lab. */
  get demoLock(): string {
    return `${lockFolder}/${this.#name}.demo`;
  }

  /** Takes the file away that a demo has left which was killed. */
  async dropDemoLock(): Promise<void> {
    if (!existsSync(this.demoLock)) return;
    const release = await onlyOne(this.demoLock, "lab down").catch((error: unknown) => {
      if (error instanceof Taken) return undefined;
      throw error;
    });
    release?.();
  }

  /** Keeps other `up` and `down` of this name out until the returned function is called or this process ends. */
  async lock(): Promise<() => void> {
    try {
      // A short wait: who has just died or is about to leave is not at work.
      return await onlyOne(`${lockFolder}/${this.#name}.lock`, `lab ${this.#name}`, 500);
    } catch (cause) {
      if (!(cause instanceof Taken)) throw cause;
      throw new Error(`another up or down of lab "${this.#name}" is at work: wait until it is done`, { cause });
    }
  }
}

export function labNames(): string[] {
  try {
    return readdirSync(`${labRoot}/labs`).sort();
  } catch {
    return [];
  }
}
