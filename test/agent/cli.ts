import { PassThrough, Readable } from "node:stream";
import { main } from "../../agent/cli.ts";
import type { Io } from "../../agent/command.ts";

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly isTTY?: boolean;
}

/** The program as an entry point starts it, with streams in memory. The default configuration file is left alone. */
export async function cli(args: readonly string[], options: CliOptions = {}): Promise<Ended> {
  const { io, text } = memoryIo(options);
  const code = await main(args, io);
  return { code, ...text() };
}

export function memoryIo({ env = {}, signal = new AbortController().signal, isTTY = false }: CliOptions = {}) {
  const [out, err] = [stream(isTTY), stream(isTTY)];
  const io: Io = {
    env,
    stdin: Readable.from([]),
    pid: process.pid,
    self: [process.execPath, "dist/agent/main.js"],
    cwd: process.cwd(),
    stdout: out.stream,
    stderr: err.stream,
    signal,
    outlast: () => undefined,
  };
  return { io, text: () => ({ out: out.text(), err: err.text() }) };
}

function stream(isTTY: boolean) {
  const chunks: Buffer[] = [];
  const memory = Object.assign(new PassThrough(), { isTTY, rows: 24, columns: 120 });
  memory.on("data", (chunk: Buffer) => chunks.push(chunk));
  return { stream: memory, text: () => Buffer.concat(chunks).toString("utf8") };
}
