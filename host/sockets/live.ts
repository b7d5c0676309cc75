import { deadline } from "../deadline.ts";
import { type NamespaceProcess, NotAvailable, type SocketView, type TcpReading } from "../host.ts";
import { isGone } from "../procfs.ts";
import { folders } from "./folders.ts";
import type { Asked, Reading } from "./messages.ts";
import { byState } from "./states.ts";
import { startThread, type Thread } from "./thread.ts";

export interface LiveSockets extends SocketView {
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
export function liveSockets({
  log,
  timeoutMs = 5000,
  idleMs = 120_000,
  program = new URL("./worker.js", import.meta.url),
}: LiveOptions): LiveSockets {
  const open = folders();
  const tell = teller(log);
  let thread: Thread | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  let idle: NodeJS.Timeout | undefined;

  const letGo = async () => {
    clearTimeout(idle);
    const ended = thread?.end();
    thread = undefined;
    open.close();
    // One that hangs in the kernel is left behind.
    if (ended !== undefined) await within(ended, 1000);
  };

  const read = async (wanted: readonly NamespaceProcess[], parent: AbortSignal) => {
    parent.throwIfAborted();
    clearTimeout(idle);
    const kept = open.keep(wanted);
    if (thread?.isAlive() !== true) thread = startThread(program);
    const { signal, clear } = deadline(parent, timeoutMs);
    try {
      const readings = await thread.ask(kept.filter(isAsked), signal);
      tell(readings);
      return results(wanted, kept, readings);
    } catch (cause) {
      if (parent.aborted || !signal.aborted) throw cause;
      throw new Error(`no TCP socket was read within ${timeoutMs} ms: the thread was ended, another follows`, {
        cause,
      });
    } finally {
      clear();
      idle = setTimeout(() => void letGo(), idleMs).unref();
    }
  };

  return {
    tcpStates: (wanted, signal) => {
      const mine = turn.then(() => read(wanted, signal));
      turn = mine.catch(() => undefined);
      return mine;
    },
    close: async () => {
      await turn;
      await letGo();
    },
  };
}

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
