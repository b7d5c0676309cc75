import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { kill } from "node:process";
import { pause } from "./process.ts";

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
    return foldersOf(`${this.#root}/${group}`).flatMap((folder) => pidsIn(folder));
  }

  /** Ends everything in it, or in one group of it, and waits until it is empty. */
  async kill(group = "", deadline = 10_000): Promise<void> {
    const end = performance.now() + deadline;
    while (this.pids(group).length > 0) {
      this.killNow(group);
      await pause(10);
      if (performance.now() > end) {
        throw new Error(`processes ${this.pids(group).join(" ")} in ${this.#root}/${group} do not end by SIGKILL`);
      }
    }
  }

  /** The same without waiting: for the very end of a process. */
  killNow(group = ""): void {
    const folder = `${this.#root}/${group}`;
    if (!existsSync(folder)) return;
    if (this.#hierarchies.kind === "v2") return writeFileSync(`${folder}/cgroup.kill`, "1");
    // Frozen first, or a process that forks while the list is read gets away.
    writeFileSync(`${folder}/freezer.state`, "FROZEN");
    for (const pid of this.pids(group)) sendKill(pid);
    writeFileSync(`${folder}/freezer.state`, "THAWED");
  }

  /** Removes the lab's empty folders from every hierarchy. */
  async remove(deadline = 5_000): Promise<void> {
    const end = performance.now() + deadline;
    for (;;) {
      const left = this.#hierarchies.all.filter((mount) => !removeTree(`${mount}${this.#path}`));
      if (left.length === 0) return;
      if (performance.now() > end)
        throw new Error(`can not remove ${left.map((m) => m + this.#path).join(", ")}: busy`);
      await pause(20);
    }
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
