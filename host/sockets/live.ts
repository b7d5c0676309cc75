import { deadline } from "../deadline.ts";
import { type NamespaceProcess, NotAvailable, type SocketView, type TcpReading } from "../host.ts";
import { isGone } from "../procfs.ts";
import type { TablesAsked } from "../rtnetlink/request.ts";
import { messageOf } from "../thrown.ts";
import { folders } from "./folders.ts";
import type { Asked, Reading } from "./messages.ts";
import { byState } from "./states.ts";
import { startThread, type Thread } from "./thread.ts";

export interface LiveSockets extends SocketView {
  /**
   * Tables of the network namespace behind a path, as rtnetlink gave them, by kind. Undefined where the thread can not:
   * why is told in the log. Rejects with the signal's reason.
   */
  readonly dump: (asked: TablesAsked, signal: AbortSignal) => Promise<readonly Uint8Array[] | undefined>;
  readonly close: () => Promise<void>;
}

interface LiveOptions {
  /** Told once for each change of the way that sockets are read. */
  readonly log: (level: "info" | "warn", message: string) => void;
  /** Milliseconds for all namespaces of one cycle; the thread is then ended. */
  readonly timeoutMs?: number;
  /** After so many milliseconds without a question everything is let go of. */
  readonly idleMs?: number;
  /** The worker's file; tests have their own. */
  readonly program?: URL;
}

/** This machine's sockets, read by a worker thread that is started when it is first asked, and again when it has died. */
export function liveSockets({ log, ...options }: LiveOptions): LiveSockets {
  const open = folders();
  const [tell, tellTables] = [teller(log), tablesTeller(log)];
  const { inThread, close } = threadKeeper(options, open.close);
  return {
    tcpStates: async (wanted, parent) =>
      inThread(parent, async (thread, signal) => {
        const kept = open.keep(wanted);
        const readings = await thread.ask(kept.filter(isAsked), signal);
        tell(readings);
        return results(wanted, kept, readings);
      }),
    dump: async (asked, parent) => {
      const dumped = await inThread(parent, async (thread, signal) => thread.tables(asked, signal)).catch(
        (error: unknown) => {
          parent.throwIfAborted();
          return { fault: messageOf(error), gone: false };
        },
      );
      tellTables("fault" in dumped ? dumped.fault : undefined);
      return "fault" in dumped ? undefined : dumped;
    },
    close,
  };
}

/** One piece of work in the thread at a time; `onIdle` when it is let go of. */
function threadKeeper(
  { timeoutMs = 5000, idleMs = 120_000, program = new URL("./worker.js", import.meta.url) }: Omit<LiveOptions, "log">,
  onIdle: () => void,
) {
  let thread: Thread | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  let idle: NodeJS.Timeout | undefined;

  const letGo = async () => {
    clearTimeout(idle);
    const ended = thread?.end();
    thread = undefined;
    onIdle();
    // One that hangs in the kernel is left behind.
    if (ended !== undefined) await within(ended, 1000);
  };

  const now = async <T>(parent: AbortSignal, work: Work<T>): Promise<T> => {
    parent.throwIfAborted();
    clearTimeout(idle);
    if (thread?.isAlive() !== true) thread = startThread(program);
    const { signal, clear } = deadline(parent, timeoutMs);
    try {
      return await work(thread, signal);
    } catch (cause) {
      if (parent.aborted || !signal.aborted) throw cause;
      throw new Error(`nothing was read within ${timeoutMs} ms: the thread was ended, another follows`, { cause });
    } finally {
      clear();
      idle = setTimeout(() => void letGo(), idleMs).unref();
    }
  };

  const inThread = async <T>(parent: AbortSignal, work: Work<T>): Promise<T> => {
    const mine = turn.then(async () => now(parent, work));
    turn = mine.catch(() => undefined);
    return mine;
  };
  const close = async (): Promise<void> => {
    await turn;
    await letGo();
  };
  return { inThread, close };
}

type Work<T> = (thread: Thread, signal: AbortSignal) => Promise<T>;

async function within(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => void (timer = setTimeout(resolve, ms)));
  await Promise.race([work, late]);
  clearTimeout(timer);
}

const isAsked = (one: Asked | Error): one is Asked => !(one instanceof Error);

function results(
  wanted: readonly NamespaceProcess[],
  kept: readonly (Asked | Error)[],
  readings: readonly Reading[],
): ReadonlyMap<string, TcpReading | Error> {
  const byKey = new Map(kept.filter(isAsked).map(({ key }, index) => [key, readings[index]]));
  return new Map(wanted.map(({ key, process }, index) => [key, result(process.pid, kept[index], byKey.get(key))]));
}

function result(pid: number, opened: Asked | Error | undefined, reading: Reading | undefined): TcpReading | Error {
  if (opened instanceof Error) return failure(pid, opened.message, isGone(opened));
  if (reading === undefined) return failure(pid, "it was not answered for", false);
  if ("fault" in reading) return failure(pid, reading.fault, reading.gone);
  return { states: byState(reading.tally), how: reading.how, interrupted: reading.interrupted };
}

function failure(pid: number, why: string, gone: boolean): Error {
  if (gone) return new NotAvailable(`process ${pid} is not there (any more): ${why}`);
  return new Error(`cannot read the TCP sockets of process ${pid}: ${why}`);
}

/** Says why sockets are read as text, once for each reason, and when that is over. */
function teller(log: LiveOptions["log"]): (readings: readonly Reading[]) => void {
  let said: string | undefined;
  return (readings) => {
    const why = readings
      .map((reading) => ("why" in reading ? reading.why : undefined))
      .find((one) => one !== undefined);
    if (why === said) return;
    said = why;
    if (why === undefined) log("info", "TCP sockets are counted by sock_diag again");
    else log("warn", `TCP sockets are counted from /proc/PID/net/tcp, some milliseconds of CPU a container: ${why}`);
  };
}

/** The same of tables. */
function tablesTeller(log: LiveOptions["log"]): (why: string | undefined) => void {
  let said: string | undefined;
  return (why) => {
    if (why !== undefined && why !== said)
      log("info", `tables of overlay networks are read by ip and bridge, some milliseconds of CPU each: ${why}`);
    said = why ?? said;
  };
}
