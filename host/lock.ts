import { spawn } from "node:child_process";
import { closeSync, constants, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { printable } from "./iproute2/error.ts";
import { find, fixedEnv } from "./iproute2/program.ts";
import { codeOf, messageOf } from "./thrown.ts";

/** Held until it is released, or until this process ends, however it ends. */
export interface Lock {
  readonly release: () => void;
}

/** Somebody else has it. The message says who. */
export class Locked extends Error {
  override readonly name = "Locked";
}

interface LockOptions {
  /** Who this is, for those that find it taken: `cleanup --apply, process 4711`. */
  readonly holder: string;
  /** Milliseconds to wait for it; none unless told. */
  readonly waitMs?: number;
}

/**
 * One at a time on this machine. The kernel's own lock (flock(2)) on the open file: it goes with the process that has it,
 * so a dead one blocks nobody, and no process number is ever guessed at. Node has no call for it; flock(1), of the same
 * util-linux as nsenter, locks an inherited file, and the lock stays with the file after flock(1) has ended. Throws
 * `Locked`, or an Error that says why it can not be had.
 */
export async function takeLock(path: string, { holder, waitMs = 0 }: LockOptions): Promise<Lock> {
  const file = openFile(path);
  try {
    const deadline = performance.now() + waitMs;
    while (!(await tryLock(file))) {
      if (performance.now() >= deadline) throw new Locked(`${path} is held by ${holderIn(path)}`);
      await sleep(50);
    }
    ftruncateSync(file);
    writeSync(file, `${holder}\n`, 0);
  } catch (error) {
    closeSync(file);
    throw error;
  }
  return { release: once(() => closeSync(file)) };
}

function openFile(path: string): number {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (cause) {
    const advice = codeOf(cause) === "EACCES" ? " (run as root, or with a --state-dir of your own)" : "";
    throw new Error(`cannot open the lock ${path}: ${messageOf(cause)}${advice}`, {
      cause,
    });
  }
}

/** True where it was had, for as long as the file stays open. The child's third descriptor is the very file that is open here, not another opening of it. */
export async function tryLock(file: number): Promise<boolean> {
  const child = spawn(find("flock"), ["--exclusive", "--nonblock", "3"], {
    env: fixedEnv,
    cwd: "/",
    // In a session of its own: Ctrl-C goes to all of a terminal's, and who takes things down at it needs the lock.
    detached: true,
    stdio: ["ignore", "ignore", "ignore", file],
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0 && code !== 1) throw new Error(`flock ended with code ${code}`);
  return code === 0;
}

/** What the holder wrote; empty for the moment before it has. */
function holderIn(path: string): string {
  return printable(readFileSync(path, "utf8").trim()).slice(0, 200) || "another run";
}

function once(work: () => void): () => void {
  let done = false;
  return () => {
    if (!done) work();
    done = true;
  };
}
