import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import * as unixDgram from "unix-dgram";
import { type Entry, fieldsOf, identifier } from "../../../pipelines/entry.ts";

/** A journald of our own, in a mount namespace of its own; on the machine nothing shows. */
export interface PrivateJournal {
  /** A folder for the test, on the machine. */
  readonly folder: string;
  /** How to run a program where this journal is the machine's. */
  readonly inside: (...argv: string[]) => readonly [string, ...string[]];
  /** As the recorder writes, as root; waits for journald where it does not keep up. */
  readonly write: (entries: readonly Entry[]) => Promise<void>;
  /** Any fields, by any user; waits until journald has taken it. */
  readonly writeAs: (uid: number, fields: Readonly<Record<string, string>>) => void;
  readonly signal: (signal: NodeJS.Signals) => void;
  /** Ends journald and starts another one; what is written between is lost. */
  readonly restart: (signal: NodeJS.Signals, between?: () => void) => Promise<void>;
  readonly journalctl: (...args: string[]) => string;
  readonly close: () => Promise<void>;
}

const script = `set -eu
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/systemd/journal /run/systemd/journald.conf.d /run/log/journal
printf '[Journal]\\nStorage=volatile\\nReadKMsg=no\\nAudit=\\n%s\\n' "$1" >/run/systemd/journald.conf.d/test.conf
echo ready
exec sleep infinity`;

export async function privateJournal(settings = "RateLimitIntervalSec=0\nRuntimeMaxUse=900M"): Promise<PrivateJournal> {
  const folder = mkdtempSync(join(tmpdir(), "overlaywatch-journal-"));
  const argv = ["--mount", "--propagation", "private", "/bin/sh", "-c", script, "sh", settings];
  const holder = spawn("/usr/bin/unshare", argv, { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve) => holder.stdout.once("data", resolve));
  const pid = holder.pid ?? 0;
  const inside = (...command: string[]) => ["/usr/bin/nsenter", "-t", String(pid), "-m", "--", ...command] as const;
  let journald = await startJournald(inside);
  let socket = connect(pid);
  const reconnect = () => {
    socket.close();
    socket = connect(pid);
  };
  return {
    folder,
    inside,
    write: async (entries) => {
      for (const entry of entries) await put(() => socket, datagram({ MESSAGE: entry.message, ...fieldsOf(entry) }));
    },
    writeAs: (uid, fields) => {
      const as = inside("/usr/bin/setpriv", "--reuid", String(uid), "--clear-groups", "/usr/bin/logger", "--journald");
      const [program, ...args] = as;
      execFileSync(program, args, {
        input: Object.entries(fields)
          .map(([key, value]) => `${key}=${value}\n`)
          .join(""),
      });
    },
    signal: (signal) => void journald.kill(signal),
    restart: async (signal, between = () => undefined) => {
      const ended = new Promise((resolve) => journald.once("exit", resolve));
      journald.kill(signal);
      await ended;
      between();
      journald = await startJournald(inside);
      reconnect();
    },
    journalctl: (...args) => {
      const [program, ...rest] = inside("/usr/bin/journalctl", "-q", "--no-pager", ...args);
      return execFileSync(program, rest, { encoding: "utf8", maxBuffer: 1 << 30 });
    },
    close: async () => {
      socket.close();
      for (const child of [journald, holder]) {
        const ended = new Promise((resolve) => child.once("exit", resolve));
        if (child.exitCode === null && child.signalCode === null && child.kill("SIGKILL")) await ended;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function startJournald(inside: PrivateJournal["inside"]): Promise<ChildProcess> {
  const [program, ...args] = inside(
    "/bin/sh",
    "-c",
    "rm -f /run/systemd/journal/socket; exec /lib/systemd/systemd-journald",
  );
  const child = spawn(program, args, { stdio: "ignore" });
  for (let tries = 0; tries < 500; tries++) {
    const [test, ...rest] = inside("/usr/bin/test", "-S", "/run/systemd/journal/socket");
    if (spawnSync(test, rest).status === 0) return child;
    await sleep(10);
  }
  throw new Error("journald does not come up");
}

function connect(pid: number): ReturnType<typeof unixDgram.createSocket> {
  const socket = unixDgram.createSocket("unix_dgram");
  socket.on("error", () => undefined);
  socket.connect(`/proc/${pid}/root/run/systemd/journal/socket`);
  return socket;
}

/** The native protocol: `NAME=value`, or with a length where the value has a line feed. */
export function datagram(fields: Readonly<Record<string, string>>): Buffer {
  const parts = Object.entries({ SYSLOG_IDENTIFIER: identifier, PRIORITY: "6", ...fields }).map(([name, value]) => {
    if (!value.includes("\n")) return Buffer.from(`${name}=${value}\n`);
    const [data, length] = [Buffer.from(value), Buffer.alloc(8)];
    length.writeBigUInt64LE(BigInt(data.length));
    return Buffer.concat([Buffer.from(`${name}\n`), length, data, Buffer.from("\n")]);
  });
  return Buffer.concat(parts);
}

async function put(socket: () => ReturnType<typeof unixDgram.createSocket>, data: Buffer): Promise<void> {
  for (;;) {
    let congested = false;
    const now = socket();
    const note = () => void (congested = true);
    now.once("congestion", note);
    now.send(data);
    now.off("congestion", note);
    if (!congested) return;
    await turn();
  }
}
