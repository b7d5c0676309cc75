import { type ChildProcessByStdio, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import type { Readable } from "node:stream";
import { NotAvailable } from "../host.ts";

/** `journalctl` with its output at our end of a pipe. */
export type Journalctl = ChildProcessByStdio<null, Readable, Readable>;

const journalctl = "/usr/bin/journalctl";
const setpriv = "/usr/bin/setpriv";

/**
 * Starts `journalctl` without a shell. It dies with the thread that started it, also where that is killed. Throws
 * `NotAvailable` where this machine has none.
 */
export function startJournalctl(args: readonly string[]): Journalctl {
  for (const program of [setpriv, journalctl]) mustRun(program);
  return spawn(setpriv, ["--pdeathsig", "KILL", "--", journalctl, "--no-pager", ...args], {
    env: { LC_ALL: "C", TZ: "UTC" },
    cwd: "/",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function mustRun(program: string): void {
  try {
    accessSync(program, constants.X_OK);
  } catch (cause) {
    throw new NotAvailable(`the journal can not be read: ${program} can not be run here`, { cause });
  }
}

/** Lines that it may say to us, and characters of each. */
const [mostLines, longestLine] = [20, 500];

/** Collects the last lines of what it has to say. */
export function saidBy(child: Journalctl): () => readonly string[] {
  let [lines, rest]: [string[], string] = [[], ""];
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = (parts.pop() ?? "").slice(0, longestLine);
    lines = [...lines, ...parts.map((line) => line.slice(0, longestLine))].slice(-mostLines);
  });
  return () => (rest === "" ? lines : [...lines, rest]);
}
