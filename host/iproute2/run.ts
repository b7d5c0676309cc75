import { spawn } from "node:child_process";
import { deadline } from "../deadline.ts";
import { NotAvailable } from "../host.ts";
import { namespaceInode } from "../netns/list.ts";
import { messageOf } from "../thrown.ts";
import { ProgramError } from "./error.ts";
import { enter, fixedEnv, type Inside } from "./program.ts";

export interface RunOptions {
  readonly signal: AbortSignal;
  /** Milliseconds until it is killed and the call fails; 5 000 unless told. */
  readonly timeoutMs?: number;
  /** Its standard input, for `-batch -`. */
  readonly input?: string;
  /** For a program that answers on stderr, and by exit code 1 of what it was asked: what it says there is given. */
  readonly answers?: "stderr";
}

/** A dump of 200 000 rows has 25 MB; more than this is no dump. */
const longestOutput = 256 * 1024 * 1024;

/**
 * Runs a program inside a network namespace to its end, without a shell; gives its stdout. Throws
 * `ProgramError` where it fails or is too slow, `NotAvailable` where the namespace (or the program) is not there (any
 * more), or the signal's reason.
 */
export async function runIn(netns: string, argv: Inside, options: RunOptions): Promise<string> {
  options.signal.throwIfAborted();
  const late = deadline(options.signal, options.timeoutMs ?? 5000);
  try {
    return await toEnd(netns, argv, options, late.signal);
  } catch (error) {
    options.signal.throwIfAborted();
    if (!(error instanceof ProgramError) || namespaceInode(netns) !== undefined) throw error;
    throw new NotAvailable(`the namespace ${netns} is not there (any more)`, { cause: error });
  } finally {
    late.clear();
  }
}

async function toEnd(
  netns: string,
  argv: Inside,
  { input = "", answers }: RunOptions,
  late: AbortSignal,
): Promise<string> {
  const [program, ...args] = enter(netns, argv);
  const child = spawn(program, args, { env: fixedEnv, cwd: "/", stdio: "pipe" });
  const stop = (): void => void child.kill("SIGKILL");
  late.addEventListener("abort", stop, { once: true });
  const out = gather(child.stdout, stop);
  const err = gather(child.stderr, stop);
  // EPIPE: it ended before it read all; its exit tells why.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const said = answers === "stderr" ? err : out;
  const isAnswer = (): boolean => answers === "stderr" && !err.text().startsWith("nsenter: ");
  const isFine = (code: number | null): boolean => code === 0 || (code === 1 && isAnswer());
  return new Promise<string>((resolve, reject) => {
    const fail = (code: number | null, signal: string | null, cause?: unknown): void =>
      reject(new ProgramError(netns, argv, { code, signal, stderr: err.text(), ...reasonOf(late, said, cause) }));
    child.once("error", (cause) => fail(null, null, cause));
    child.once("close", (code, signal) => (isFine(code) && !said.over() ? resolve(said.text()) : fail(code, signal)));
  }).finally(() => late.removeEventListener("abort", stop));
}

function reasonOf(late: AbortSignal, said: Gathered, cause: unknown): { why?: string; cause?: unknown } {
  if (late.aborted) {
    const reason: unknown = late.reason;
    return { why: `killed, ${messageOf(reason)}`, cause: reason };
  }
  if (said.over()) return { why: `killed, it said more than ${longestOutput} bytes` };
  return cause instanceof Error ? { why: `could not be started (${cause.message})`, cause } : {};
}

interface Gathered {
  readonly text: () => string;
  readonly over: () => boolean;
}

function gather(stream: NodeJS.ReadableStream, stop: () => void): Gathered {
  const chunks: Buffer[] = [];
  let length = 0;
  stream.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length <= longestOutput) chunks.push(chunk);
    else stop();
  });
  return { text: () => Buffer.concat(chunks).toString(), over: () => length > longestOutput };
}
