import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { printable } from "./error.ts";
import { enter, find, fixedEnv, type Iproute2 } from "./program.ts";

export interface FollowHandlers {
  /** As it comes from the pipe, cut anywhere. */
  readonly stdout: (chunk: Buffer) => void;
  /** One line of stderr, printable and cut; `left` lines before it were not told, since there were too many. */
  readonly stderr: (line: string, left: number) => void;
  /** Once, after the last of stdout; `error` where it could not be started. */
  readonly exit: (end: FollowEnd) => void;
}

export interface FollowEnd {
  readonly code: number | null;
  readonly signal: string | null;
  readonly error?: Error;
}

export interface Followed {
  /** Of the program itself; undefined where it could not be started. */
  readonly pid: number | undefined;
  /** Ends it at once; `exit` is told. */
  readonly kill: () => void;
}

/**
 * Starts a program that runs until it is ended, such as `ip monitor`, inside a network namespace. `setpriv` and
 * `nsenter` become the program without a fork. With the death signal, no process outlives a killed recorder: it would
 * keep a namespace alive that Docker has let go of. Throws as `enter` does.
 */
export function followIn(netns: string, argv: Iproute2, handlers: FollowHandlers): Followed {
  const command = ["--pdeathsig", "KILL", "--", ...enter(netns, argv)];
  const child = spawn(find("setpriv"), command, { env: fixedEnv, cwd: "/", stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.on("data", handlers.stdout);
  const lines = stderrLines(handlers.stderr);
  child.stderr.on("data", lines.take);
  tellEnd(child, (end) => {
    lines.end();
    handlers.exit(end);
  });
  return { pid: child.pid, kill: () => void child.kill("SIGKILL") };
}

/** A child that could not be started tells `error` and, by version of Node, `close` too. */
function tellEnd(child: ChildProcessByStdio<null, Readable, Readable>, tell: (end: FollowEnd) => void): void {
  let error: Error | undefined;
  let told = false;
  const once = (code: number | null, signal: string | null): void => {
    if (told) return;
    told = true;
    tell({ code, signal, ...(error === undefined ? {} : { error }) });
  };
  child.on("error", (cause) => {
    error ??= cause;
    if (child.pid === undefined) once(null, null);
  });
  child.once("close", once);
}

const longestLine = 500;
const linesASecond = 10;

/** Cuts stderr into lines; of a flood only so many a second are told, with how many were left out. */
export function stderrLines(tell: FollowHandlers["stderr"], now: () => number = () => performance.now()) {
  let rest = "";
  let left = 0;
  let window = { since: -Infinity, told: 0 };
  const line = (text: string): void => {
    if (text.trim() === "") return;
    if (now() - window.since >= 1000) window = { since: now(), told: 0 };
    if (window.told >= linesASecond) {
      left++;
      return;
    }
    window.told++;
    tell(printable(text).slice(0, longestLine), left);
    left = 0;
  };
  return {
    take: (chunk: Buffer): void => {
      const parts = (rest + chunk.toString()).split("\n");
      // A line without an end must not grow for ever.
      rest = (parts.pop() ?? "").slice(0, longestLine);
      for (const part of parts) line(part);
    },
    end: (): void => line(rest),
  };
}
