import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../../host/host.ts";
import { dropsOf } from "../../host/iproute2/drops.ts";
import { type Followed, type FollowEnd, followIn } from "../../host/iproute2/follow.ts";
import type { Iproute2 } from "../../host/iproute2/program.ts";
import { namespaceInode } from "../../host/netns/list.ts";
import type { RecorderSocket } from "../entry.ts";
import { lineCutter } from "./lines.ts";

export interface IpProcessOptions {
  readonly socket: RecorderSocket;
  readonly netns: { readonly path: string; readonly inode: number };
  /** Bytes to ask the kernel for. */
  readonly rcvbuf: number;
  readonly clock: Clock;
  readonly line: (line: string) => void;
  /** A new process starts: it has yet to learn the names of devices. */
  readonly started: () => void;
  /** From now on events are printed or counted as dropped. `since`: when the process before it was last seen well. */
  readonly ready: (since: number | undefined) => void;
  /** Messages that the kernel dropped between two looks; microseconds since the epoch. */
  readonly dropped: (count: number, since: number, until: number) => void;
  readonly log: (level: "info" | "warn", message: string) => void;
}

/** One `ip monitor`, started again whenever it ends. */
export interface IpProcess {
  readonly pid: () => number | undefined;
  readonly isReady: () => boolean;
  readonly restarts: () => number;
  /** Somebody counts on it from `at` on: where it is not ready yet, it is told when it is. */
  readonly due: (at: number) => void;
  /** Ends the present process, so that another one takes its place. */
  readonly renew: () => void;
  /** Looks for dropped messages; to be called every second. */
  readonly look: () => void;
  /** Ends it at once. Resolves when all that it printed has been taken. */
  readonly close: () => Promise<void>;
}

/** First and longest pause before it is started again, in milliseconds. */
const backoff = [100, 10_000] as const;
/** How often to look whether the socket is there, in milliseconds. */
const readyPoll = 5;

const objectsOf: Readonly<Record<RecorderSocket, readonly string[]>> = {
  bridge: ["link", "neigh"],
  inet: ["link", "address", "neigh", "route"],
};

export function monitorCommand(socket: RecorderSocket, rcvbuf: number): Iproute2 {
  const family = socket === "bridge" ? ["-f", "bridge"] : ["-4"];
  return ["ip", ...family, "-o", "-ts", "-rcvbuf", String(rcvbuf), "monitor", "label", ...objectsOf[socket]];
}

export function superviseIp(options: IpProcessOptions): IpProcess {
  const closing = new AbortController();
  const life: Life = { child: undefined, ready: false, restarts: 0, drops: 0, lookedAt: undefined };
  const running = keepRunning(options, life, closing.signal);
  return {
    pid: () => (life.ready ? life.child?.pid : undefined),
    isReady: () => life.ready,
    restarts: () => life.restarts,
    due: (at) => {
      if (!life.ready) life.lookedAt ??= at;
    },
    renew: () => {
      look(options, life);
      life.child?.kill();
    },
    look: () => look(options, life),
    close: async () => {
      if (!closing.signal.aborted) look(options, life);
      closing.abort();
      life.child?.kill();
      await running;
    },
  };
}

interface Life {
  child: Followed | undefined;
  ready: boolean;
  restarts: number;
  /** Of the present process, at the last look. */
  drops: number;
  /** When the present process, or the one before it, was last seen well. */
  lookedAt: number | undefined;
}

async function keepRunning(options: IpProcessOptions, life: Life, closing: AbortSignal): Promise<void> {
  const { clock, log, netns, socket } = options;
  let failures = 0;
  while (!closing.aborted) {
    const began = clock.monotonic();
    // Never entered again once its file is gone or is another's: that would keep a dead namespace alive.
    const end = isThere(netns) ? await oneLife(options, life, closing) : undefined;
    if (closing.aborted) return;
    if (end !== undefined && isThere(netns)) {
      life.restarts++;
      log("warn", `ip for the ${socket} socket in ${netns.path} ended (${described(end)}). It is started again.`);
    }
    failures = clock.monotonic() - began >= backoff[1] ? 0 : failures + 1;
    const pause = Math.min(backoff[1], backoff[0] * 2 ** Math.max(0, failures - 1));
    await sleep(pause, undefined, { signal: closing }).catch(() => undefined);
  }
}

function isThere({ path, inode }: IpProcessOptions["netns"]): boolean {
  try {
    return namespaceInode(path) === inode;
  } catch {
    // What can not be looked at can not be entered either; the next try will tell.
    return false;
  }
}

function described({ code, signal, error }: FollowEnd): string {
  return error?.message ?? (signal === null ? `exit code ${code}` : `killed by ${signal}`);
}

async function oneLife(options: IpProcessOptions, life: Life, closing: AbortSignal): Promise<FollowEnd> {
  options.started();
  life.drops = 0;
  const ended = new AbortController();
  let waiting: Promise<void> | undefined;
  const end = await new Promise<FollowEnd>((resolve) => {
    try {
      life.child = start(options, resolve);
      waiting = untilReady(options, life, life.child, ended.signal).catch((error: unknown) =>
        options.log("warn", `cannot tell whether ip listens in ${options.netns.path}: ${String(error)}`),
      );
    } catch (cause) {
      resolve({ code: null, signal: null, error: cause instanceof Error ? cause : new Error(String(cause)) });
    }
    if (closing.aborted) life.child?.kill();
  });
  ended.abort();
  life.ready = false;
  life.child = undefined;
  await waiting;
  return end;
}

function start({ netns, socket, rcvbuf, line, log }: IpProcessOptions, exit: (end: FollowEnd) => void): Followed {
  const { take } = lineCutter();
  return followIn(netns.path, monitorCommand(socket, rcvbuf), {
    stdout: (chunk) => {
      for (const one of take(chunk)) line(one);
    },
    stderr: (text, left) => {
      // Said once for many losses: the column Drops tells how many.
      if (/No buffer space available/u.test(text)) return;
      log("warn", `ip in ${netns.path} says: ${text}${left === 0 ? "" : ` (${left} lines before it left out)`}`);
    },
    exit,
  });
}

async function untilReady(options: IpProcessOptions, life: Life, { pid }: Followed, ended: AbortSignal): Promise<void> {
  if (pid === undefined) return;
  while (!ended.aborted) {
    const socket = dropsOf(pid);
    if (socket?.ready === true) {
      const since = life.lookedAt;
      [life.ready, life.lookedAt] = [true, now(options.clock)];
      options.ready(since);
      return;
    }
    await sleep(readyPoll, undefined, { signal: ended }).catch(() => undefined);
  }
}

function look({ clock, dropped }: IpProcessOptions, life: Life): void {
  const pid = life.ready ? life.child?.pid : undefined;
  const socket = pid === undefined ? undefined : dropsOf(pid);
  if (socket?.ready !== true) return;
  const at = now(clock);
  const growth = socket.drops - life.drops;
  if (growth > 0) dropped(growth, life.lookedAt ?? at, at);
  life.drops = socket.drops;
  life.lookedAt = at;
}

const now = (clock: Clock): number => Math.round(clock.now() * 1000);
