import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const program = "/lib/systemd/systemd-journald";
const socket = "/run/systemd/journal/socket";

export const hasJournald = (): boolean => existsSync(program) && existsSync("/usr/bin/journalctl");

/** A journald that belongs to this process, which must be alone in its mount namespace. */
export interface OwnJournald {
  readonly signal: (name: "SIGSTOP" | "SIGCONT") => void;
  /** As a crash: without a chance to read what is in its socket. */
  readonly kill: () => Promise<void>;
  readonly start: () => Promise<void>;
}

/** /run and /var/log become empty ones of this namespace's own. */
export async function ownJournald(): Promise<OwnJournald> {
  for (const folder of ["/run", "/var/log"]) execFileSync("/usr/bin/mount", ["-t", "tmpfs", "tmpfs", folder]);
  for (const folder of ["/run/systemd/journal", "/run/systemd/journald.conf.d", "/var/log/journal"])
    mkdirSync(folder, { recursive: true });
  const settings = "Storage=persistent\nReadKMsg=no\nAudit=\nRateLimitIntervalSec=0\nSystemMaxUse=512M\n";
  writeFileSync("/run/systemd/journald.conf.d/own.conf", `[Journal]\n${settings}`);
  writeFileSync("/run/systemd/journal/flushed", "");
  let child = await started();
  return {
    signal: (name) => void child.kill(name),
    kill: async () => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    },
    start: async () => {
      child = await started();
    },
  };
}

async function started(): Promise<ChildProcess> {
  const before = inode();
  const child = spawn("/usr/bin/setpriv", ["--pdeathsig", "KILL", "--", program], { stdio: "ignore" });
  child.unref();
  for (let tries = 0; tries < 500 && inode() === before; tries++) await sleep(20);
  if (inode() === before) throw new Error("systemd-journald does not come up");
  return child;
}

function inode(): string {
  return existsSync(socket) ? execFileSync("/usr/bin/stat", ["-c", "%i", socket]).toString() : "";
}
