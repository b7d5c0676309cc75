import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { kill } from "node:process";
import { identify, isAlive, type ProcessId } from "./process.ts";

/** The cgroup hierarchies of this machine, from `/proc/self/mountinfo`. */
export interface Hierarchies {
  /** Where a lab's processes are held together. */
  readonly tracker: string;
  /** `cgroup.kill` of version 2, or freeze + SIGKILL + thaw on version 1's freezer. */
  readonly kind: "v2" | "freezer";
  /** All of them: an engine makes folders in every one. */
  readonly all: readonly string[];
}

/** Every process of one lab, whoever started it: children and containers are born into it and can not leave unseen. */
export class LabCgroup {
  readonly #hierarchies: Hierarchies;
  readonly #path: string;

  constructor(name: string, hierarchies: Hierarchies = findHierarchies(readFileSync("/proc/self/mountinfo", "utf8"))) {
    this.#hierarchies = hierarchies;
    // No folder above that labs would share: one could remove it while another one is about to use it.
    this.#path = `/overlaywatch-lab-${name}`;
  }

  /** For dockerd's `--cgroup-parent`. */
  get containers(): string {
    return `${this.#path}/containers`;
  }

  /** Makes the group `procs` or another one below the lab; gives the file that a process joins by writing 0 to it. */
  join(group: string): string {
    const folder = `${this.#root}/${group}`;
    mkdirSync(folder, { recursive: true });
    return `${folder}/cgroup.procs`;
  }

  /** Process ids of the lab, or of one group in it. */
  pids(group = ""): number[] {
    return foldersOf(`${this.#root}/${group}`).flatMap(pidsIn);
  }

  /**
   * Ends everything in it, or in one group of it, and waits until it is empty. Blocks, some 30 ms, so that it also works
   * in the last moment of a process.
   */
  kill(group = "", deadline = 10_000): void {
    const seen: ProcessId[] = [];
    retry(deadline, () => {
      seen.push(...this.pids(group).flatMap((pid) => identify(pid) ?? []));
      this.#strike(`${this.#root}/${group}`);
      // The list leaves out who is about to end, but until then it holds its namespaces.
      const left = [...this.pids(group), ...seen.filter(isAlive).map((one) => one.pid)];
      return left.length === 0
        ? undefined
        : `processes ${left.join(" ")} in ${this.#root}/${group} do not end by SIGKILL`;
    });
  }

  /** Removes the lab's empty folders from every hierarchy. */
  remove(deadline = 5_000): void {
    retry(deadline, () => {
      const left = this.#hierarchies.all.map((mount) => mount + this.#path).filter((folder) => !removeTree(folder));
      return left.length === 0 ? undefined : `can not remove ${left.join(", ")}: still busy`;
    });
  }

  #strike(folder: string): void {
    if (!existsSync(folder)) return;
    if (this.#hierarchies.kind === "v2") return writeFileSync(`${folder}/cgroup.kill`, "1");
    // Frozen first, or a process that forks while the list is read gets away.
    writeFileSync(`${folder}/freezer.state`, "FROZEN");
    for (const pid of foldersOf(folder).flatMap(pidsIn)) sendKill(pid);
    writeFileSync(`${folder}/freezer.state`, "THAWED");
  }

  get #root(): string {
    return `${this.#hierarchies.tracker}${this.#path}`;
  }
}

/** Throws where the machine has neither a cgroup v2 with `cgroup.kill` (kernel 5.14) nor version 1's freezer. */
export function findHierarchies(mountinfo: string, canKill: (mount: string) => boolean = hasCgroupKill): Hierarchies {
  const mounts = mountinfo.split("\n").flatMap(parseMount);
  const v2 = mounts.find((one) => one.type === "cgroup2" && canKill(one.mount));
  const freezer = mounts.find((one) => one.options.includes("freezer"));
  const tracker = v2 ?? freezer;
  if (!tracker) throw new Error("this machine has neither cgroup v2 with cgroup.kill nor the freezer of version 1");
  return { tracker: tracker.mount, kind: v2 ? "v2" : "freezer", all: mounts.map((one) => one.mount) };
}

/** `ID PARENT DEV ROOT MOUNT OPTIONS [TAGS] - TYPE SOURCE SUPEROPTIONS`. */
function parseMount(line: string): { mount: string; type: string; options: string[] }[] {
  const [before = "", after = ""] = line.split(" - ");
  const [, , , root, mount] = before.split(" ");
  const [type, , options = ""] = after.split(" ");
  if ((type !== "cgroup" && type !== "cgroup2") || root !== "/" || mount === undefined) return [];
  return [{ mount, type, options: options.split(",") }];
}

/** The root has no `cgroup.kill`: it takes a child to see. */
function hasCgroupKill(mount: string): boolean {
  const probe = mkdtempSync(`${mount}/overlaywatch-probe-`);
  try {
    return existsSync(`${probe}/cgroup.kill`);
  } finally {
    rmdirSync(probe);
  }
}

/** Tries until there is nothing to complain about; every 10 ms. */
function retry(deadline: number, attempt: () => string | undefined): void {
  const end = performance.now() + deadline;
  for (;;) {
    const complaint = attempt();
    if (complaint === undefined) return;
    if (performance.now() > end) throw new Error(`${complaint} (after ${deadline} ms)`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  }
}

function foldersOf(root: string): string[] {
  try {
    const below = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [root, ...below.flatMap((entry) => foldersOf(`${root}/${entry.name}`))];
  } catch {
    return [];
  }
}

function pidsIn(folder: string): number[] {
  try {
    return readFileSync(`${folder}/cgroup.procs`, "utf8").split("\n").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function sendKill(pid: number): void {
  try {
    kill(pid, "SIGKILL");
  } catch {
    // It ended between the list and now: that is the aim.
  }
}

function removeTree(root: string): boolean {
  return foldersOf(root).toReversed().map(removeEmpty).every(Boolean);
}

function removeEmpty(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return !existsSync(folder);
  }
}
