import { deadline } from "../deadline.ts";
import { type Journalctl, saidBy, startJournalctl } from "./journalctl.ts";

export interface JournalReading {
  /** No chunk comes until `resume`; journalctl then waits as well. */
  readonly pause: () => void;
  readonly resume: () => void;
  /** Resolves after the last chunk, however it ended. Rejects only where journalctl can not be started. */
  readonly ended: Promise<JournalEnd>;
}

export interface JournalEnd {
  /** Undefined where a signal ended it. */
  readonly code: number | undefined;
  readonly signal: string | undefined;
  /** It was ended because our own signal was aborted. */
  readonly aborted: boolean;
  /** The last lines that it said on stderr, cut where they are long. */
  readonly stderr: readonly string[];
}

export interface JournalReadingOptions {
  /** After `--no-pager`. */
  readonly args: readonly string[];
  /** Up to 64 KiB each; called in order, until the signal is aborted. */
  readonly onChunk: (chunk: Buffer) => void;
  readonly signal: AbortSignal;
}

/**
 * `journalctl ARGS`, for as long as it runs: with `-f` until the signal is aborted. Throws `NotAvailable` where this
 * machine has no journalctl.
 */
export function readJournal({ args, onChunk, signal }: JournalReadingOptions): JournalReading {
  signal.throwIfAborted();
  const child = startJournalctl(args);
  child.stdout.on("data", (chunk: Buffer) => {
    if (!signal.aborted) onChunk(chunk);
  });
  return {
    pause: () => void child.stdout.pause(),
    resume: () => void child.stdout.resume(),
    ended: ending(child, args, signal),
  };
}

async function ending(child: Journalctl, args: readonly string[], abort: AbortSignal): Promise<JournalEnd> {
  const said = saidBy(child);
  const kill = (): void => {
    child.kill("SIGKILL");
    // What is still in the pipe is not wanted, and `close` comes only when it is gone.
    child.stdout.destroy();
  };
  abort.addEventListener("abort", kill, { once: true });
  try {
    return await new Promise<JournalEnd>((resolve, reject) => {
      child.once("error", (cause) => reject(new Error(`journalctl ${args.join(" ")}: could not be run`, { cause })));
      child.once("close", (code, signal) =>
        resolve({ code: code ?? undefined, signal: signal ?? undefined, aborted: abort.aborted, stderr: said() }),
      );
    });
  } finally {
    abort.removeEventListener("abort", kill);
  }
}

export interface QueryOptions {
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

/** journalctl ended with another code than 0, or by a signal. */
export class JournalctlFailed extends Error {
  override readonly name = "JournalctlFailed";
  readonly end: JournalEnd;

  constructor(args: readonly string[], end: JournalEnd) {
    const how = end.code === undefined ? `ended by ${end.signal ?? "nobody"}` : `exit code ${end.code}`;
    super(`journalctl ${args.join(" ")}: ${how}: ${end.stderr.join("; ") || "it said nothing"}`);
    this.end = end;
  }
}

/**
 * What `journalctl ARGS` prints, whole. Rejects with `JournalctlFailed`, with `NotAvailable` where there is none, and
 * when it takes longer than `timeoutMs` (10 s), prints more than `maxBytes` (64 MiB), or the signal is aborted.
 */
export async function queryJournal(args: readonly string[], options: QueryOptions = {}): Promise<Buffer> {
  const { timeoutMs = 10_000, maxBytes = 64 * 1024 * 1024, signal = new AbortController().signal } = options;
  const late = deadline(signal, timeoutMs);
  const enough = new AbortController();
  late.signal.addEventListener("abort", () => enough.abort(late.signal.reason), { once: true });
  const chunks: Buffer[] = [];
  let size = 0;
  const onChunk = (chunk: Buffer): void => {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxBytes) enough.abort(new Error(`more than ${maxBytes} bytes`));
  };
  try {
    signal.throwIfAborted();
    const end = await readJournal({ args, onChunk, signal: enough.signal }).ended;
    if (end.aborted) throw new Error(`journalctl ${args.join(" ")}: ended`, { cause: enough.signal.reason });
    if (end.code !== 0) throw new JournalctlFailed(args, end);
    return Buffer.concat(chunks);
  } finally {
    late.clear();
  }
}
