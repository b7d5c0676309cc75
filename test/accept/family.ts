import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { cpuOfProcess } from "../bench/cpu.ts";

/** Processes that it started and that are there still: its threads' children (proc(5), /proc/pid/task/tid/children). */
export function childrenOf(pid: number): readonly number[] {
  return listed(`/proc/${pid}/task`).flatMap((thread) => numbersIn(`/proc/${pid}/task/${thread}/children`));
}

export function descendantsOf(pid: number): readonly number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

/** Processes in the mount namespace of another one, by the name that the kernel has of them. */
export function namedBeside(pid: number, name: string): readonly number[] {
  const home = linkOf(pid);
  return listed("/proc")
    .filter((entry) => /^\d+$/u.test(entry))
    .map(Number)
    .filter((one) => textOf(`/proc/${one}/comm`).trimEnd() === name && linkOf(one) === home);
}

export const commandOf = (pid: number): string => textOf(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();

/** Open files, by what they are: `socket:` `pipe:` or a path. */
export function openFiles(pid: number): readonly string[] {
  return listed(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/:.*$/u, ":")];
    } catch {
      return [];
    }
  });
}

/** CPU time of all of them together, in milliseconds. */
export const cpuOf = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + cpuOfProcess(pid), 0);

const linkOf = (pid: number): string => {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return "";
  }
};

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

const numbersIn = (file: string): readonly number[] => textOf(file).split(" ").filter(Boolean).map(Number);

function listed(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
