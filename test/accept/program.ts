import { type ChildProcess, spawn } from "node:child_process";
import type { LabHost } from "../../lab/host.ts";
import { until } from "../../lab/process.ts";

export interface Program {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  /** Exit code, or -1 where a signal ended it. */
  readonly ended: Promise<number>;
  /** Milliseconds from the signal to the end, and the exit code. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<{ readonly ms: number; readonly code: number }>;
}

interface Place {
  readonly cwd?: string;
  /** An open file that takes what the program prints, in place of `out()`. */
  readonly stdout?: number;
  /** A pipe to its stdin, which is `child.stdin`. */
  readonly stdin?: "pipe";
}

type Settings = Readonly<Record<string, string>>;

const main = `${process.cwd()}/dist/agent/main.js`;
const running = new Set<ChildProcess>();

/** `overlaywatch ARGS` on a host of the lab; `by` is a program that starts it. */
export function onHost(
  host: LabHost,
  args: readonly string[],
  settings: Settings = {},
  { by = [], ...place }: Place & { readonly by?: readonly string[] } = {},
): Program {
  const [command, ...rest] = host.argv([...by, process.execPath, main, ...args]);
  return start([command, ...rest], host.environment({ ...clean(), ...settings }), place);
}

/** `overlaywatch ARGS` on this machine itself. */
export function here(args: readonly string[], settings: Settings = {}): Program {
  return start([process.execPath, main, ...args], { ...clean(), ...settings });
}

export function start(
  argv: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
  { cwd, stdout, stdin }: Place = {},
): Program {
  const child = spawn(argv[0], argv.slice(1), { env, cwd, stdio: [stdin ?? "ignore", stdout ?? "pipe", "pipe"] });
  running.add(child);
  const [out, err] = [collect(child.stdout), collect(child.stderr)];
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      running.delete(child);
      resolve(code ?? -1);
    });
  });
  const stop = async (signal: NodeJS.Signals = "SIGTERM") => {
    const began = performance.now();
    child.kill(signal);
    const code = await ended;
    return { ms: performance.now() - began, code };
  };
  return { child, out, err, ended, stop };
}

/** Waits until the program has said it. */
export async function says(program: Program, what: RegExp, milliseconds = 10_000): Promise<void> {
  await until(
    () => what.test(program.out() + program.err()) || undefined,
    milliseconds,
    () => new Error(`it did not say ${what} within ${milliseconds} ms but: ${program.out()}${program.err()}`),
  );
}

/** What a test that failed has left running. */
export function endAll(): void {
  for (const child of running) child.kill("SIGKILL");
}

/** Nothing of the machine's own Datadog or Docker settings; coverage, where it is measured. */
function clean(): NodeJS.ProcessEnv {
  const { PATH, NODE_V8_COVERAGE } = process.env;
  return { PATH, ...(NODE_V8_COVERAGE === undefined ? {} : { NODE_V8_COVERAGE }) };
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  const chunks: string[] = [];
  stream?.setEncoding("utf8");
  stream?.on("data", (chunk: string) => chunks.push(chunk));
  return () => chunks.join("");
}
