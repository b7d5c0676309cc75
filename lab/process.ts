import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { deadline as deadlineOf } from "../host/deadline.ts";

/** The outcome of a process that ended: `code` is 128 + the signal's number where a signal ended it. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Milliseconds until it is killed and the call fails; 30 000 unless told. */
  readonly timeout?: number | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly cwd?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export type Argv = readonly [string, ...string[]];

/** Never the caller's PATH: this runs as root. */
export const pinnedEnv: NodeJS.ProcessEnv = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };

/** Runs a program to its end, without a shell. Throws when it can not start, is too slow or is aborted. */
export async function run(argv: Argv, options: RunOptions = {}): Promise<Finished> {
  const { timeout = 30_000, env = pinnedEnv, cwd, signal } = options;
  const child = spawn(argv[0], argv.slice(1), { env, cwd, stdio: ["ignore", "pipe", "pipe"] });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  const late = deadlineOf(signal ?? new AbortController().signal, timeout);
  const code = await ending(child, argv, late.signal, timeout).finally(late.clear);
  return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
}

/** As `run`, but any exit code other than 0 is an error that carries the program's own words. Gives its stdout. */
export async function must(argv: Argv, options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(argv, options);
  if (code === 0) return stdout;
  throw new Error(`${argv.join(" ")}: exit code ${code}: ${(stderr.trim() || stdout.trim()).slice(-2000)}`);
}

/** Runs a program on the caller's own terminal; ends it where the signal fires. */
export async function attach(argv: Argv, env: NodeJS.ProcessEnv, signal?: AbortSignal): Promise<number> {
  const child = spawn(argv[0], argv.slice(1), { env, stdio: "inherit" });
  const end = () => child.kill("SIGTERM");
  signal?.addEventListener("abort", end, { once: true });
  return new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, name) => resolve(code ?? 128 + signalNumber(name)));
  }).finally(() => signal?.removeEventListener("abort", end));
}

/** Starts a program that outlives this one; what it says goes to the end of the log file. */
export function launch(argv: Argv, log: string, env: NodeJS.ProcessEnv = pinnedEnv): ChildProcess {
  const file = openSync(log, "a");
  try {
    const child = spawn(argv[0], argv.slice(1), { env, cwd: "/", detached: true, stdio: ["ignore", file, file] });
    child.unref();
    return child;
  } finally {
    closeSync(file);
  }
}

/** A process that stays the same one: numbers are used again, start times are not. */
export interface ProcessId {
  readonly pid: number;
  /** Field 22 of `/proc/PID/stat`: clock ticks after boot. */
  readonly startTime: string;
}

export function identify(pid: number): ProcessId | undefined {
  const startTime = startTimeOf(pid);
  return startTime === undefined ? undefined : { pid, startTime };
}

export function isAlive({ pid, startTime }: ProcessId): boolean {
  return startTimeOf(pid) === startTime;
}

/** Dead, but its parent has not asked how: for a program that looks for its number in /proc it is still there. */
export function isListed({ pid, startTime }: ProcessId): boolean {
  return statOf(pid)?.startTime === startTime;
}

/** Waits until `ready` gives something other than undefined; asks every 20 ms. Throws `late()` after the deadline. */
export async function until<T>(
  ready: () => T | undefined | Promise<T | undefined>,
  deadline: number,
  late: () => Error,
  signal?: AbortSignal,
): Promise<T> {
  const end = performance.now() + deadline;
  for (;;) {
    signal?.throwIfAborted();
    const value = await ready();
    if (value !== undefined) return value;
    if (performance.now() > end) throw late();
    await pause(20);
  }
}

export const pause = async (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

function startTimeOf(pid: number): string | undefined {
  const stat = statOf(pid);
  return stat === undefined || stat.state === "Z" || stat.state === "X" ? undefined : stat.startTime;
}

function statOf(pid: number): { state: string | undefined; startTime: string | undefined } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in brackets may hold anything, brackets too: fields are counted from the last one.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0], startTime: fields[19] };
  } catch {
    return undefined;
  }
}

async function ending(child: ChildProcess, argv: Argv, late: AbortSignal, timeout: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      child.kill("SIGKILL");
      reject(new Error(`${argv.join(" ")}: ended, ${reasonOf(late, timeout)}`, { cause: late.reason }));
    };
    if (late.aborted) return stop();
    late.addEventListener("abort", stop, { once: true });
    const settle = () => late.removeEventListener("abort", stop);
    child.once("error", (cause) => (settle(), reject(new Error(`${argv[0]}: could not be started`, { cause }))));
    child.once("close", (code, name) => (settle(), resolve(code ?? 128 + signalNumber(name))));
  });
}

function reasonOf(late: AbortSignal, timeout: number): string {
  const reason: unknown = late.reason;
  return reason instanceof Error && reason.name === "TimeoutError" ? `no end after ${timeout} ms` : "interrupted";
}

const signalNumbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGKILL: 9, SIGTERM: 15 };
const signalNumber = (name: string | null): number => signalNumbers[name ?? ""] ?? 0;
