import { deadline } from "../deadline.ts";
import { NotAvailable } from "../host.ts";
import { type EntryFields, exportParser } from "./export.ts";
import { readJournal } from "./reader.ts";

/** One line of dockerd's log. */
export interface EngineLine {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly message: string;
}

export interface EngineLog {
  /** Newest first. */
  readonly lines: readonly EngineLine[];
  /** There was more than is read: the oldest are missing. */
  readonly cut: boolean;
}

export interface EngineLogOptions {
  /** Where the host's root is mounted. */
  readonly root: string;
  /** Older lines are not wanted: milliseconds since the epoch. */
  readonly since: number;
  readonly signal: AbortSignal;
  readonly limits?: Partial<Limits>;
}

interface Limits {
  readonly entries: number;
  readonly bytes: number;
  readonly ms: number;
}

const usual: Limits = { entries: 5000, bytes: 8 * 1024 * 1024, ms: 3000 };

/** Characters of a line. */
const longestLine = 4000;

/**
 * What dockerd prints comes as a stream from its unit, or from whatever a machine without one pipes it through. A container's
 * own output (log driver `journald`) is sent by dockerd too, but not as a stream.
 */
const matches = [
  ["_TRANSPORT=stdout", "_COMM=dockerd"],
  ["_TRANSPORT=stdout", "_SYSTEMD_UNIT=docker.service"],
  ["SYSLOG_IDENTIFIER=dockerd"],
].flatMap((all, index) => (index === 0 ? all : ["+", ...all]));

/**
 * The engine's log since then, by the journal, backwards: what is above a limit is the oldest. Throws `NotAvailable` where
 * there is no journal, it can not be read, or it has no line of an engine at all; or the signal's reason.
 */
export async function readEngineLog(options: EngineLogOptions): Promise<EngineLog> {
  const { root, signal } = options;
  const limits = { ...usual, ...options.limits };
  const where = root === "/" ? [] : [`--root=${root}`];
  const args = [...where, "--reverse", "--output=export", "--output-fields=MESSAGE,CONTAINER_ID", ...matches];
  const late = deadline(signal, limits.ms);
  const enough = new AbortController();
  const stop = (): void => enough.abort();
  late.signal.addEventListener("abort", stop, { once: true });
  const taking = take(options.since, limits, stop);
  try {
    const end = await readJournal({ args, onChunk: taking.push, signal: enough.signal }).ended;
    signal.throwIfAborted();
    const { lines, any, cut } = taking.taken();
    if (any) return { lines, cut: cut || late.signal.aborted };
    if (late.signal.aborted) throw new NotAvailable(`the journal gave nothing within ${limits.ms} ms`);
    throw new NotAvailable(end.stderr.join("; ") || "the journal has no line of dockerd's");
  } finally {
    late.clear();
  }
}

function take(since: number, { entries, bytes }: Limits, stop: () => void) {
  const lines: EngineLine[] = [];
  let [any, cut, size, done] = [false, false, 0, false];
  const end = (isCut: boolean): void => {
    [done, cut] = [true, isCut];
    stop();
  };
  const parser = exportParser((fields) => {
    if (done) return;
    const line = lineOf(fields);
    if (line === undefined) return;
    any = true;
    if (line.at < since) end(false);
    else if (lines.push(line) >= entries) end(true);
  });
  const push = (chunk: Buffer): void => {
    if (done) return;
    size += chunk.length;
    parser.push(chunk);
    if (size > bytes) end(true);
  };
  return { push, taken: () => ({ lines, any, cut }) };
}

/** Undefined for what a container said. */
function lineOf(fields: EntryFields): EngineLine | undefined {
  const at = Number(fields.get("__REALTIME_TIMESTAMP")) / 1000;
  const message = fields.get("MESSAGE");
  if (message === undefined || !Number.isFinite(at) || fields.has("CONTAINER_ID")) return undefined;
  return { at, message: message.slice(0, longestLine) };
}
