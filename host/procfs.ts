import { closeSync, constants, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { NotAvailable, type ProcessHandle, type Procfs } from "./host.ts";

/**
 * The live `/proc`. Reads are synchronous on purpose: procfs answers from kernel memory (5 to 10 us a file), where a
 * turn through the thread pool costs ten times that. `hostRoot` is where the host's root is mounted (`/host`).
 */
export function procfs(hostRoot = "/"): Procfs {
  const proc = join(hostRoot, "proc");
  return {
    open: (pid) => openProcess(join(proc, String(pid)), pid),
    host: () => openProcess(hostRoot === "/" ? join(proc, "self") : join(proc, "1"), hostRoot === "/" ? 0 : 1),
  };
}

/** An open directory of `/proc/PID` refers to the process, not to its number: once dead, every look-up below it fails. */
function openProcess(path: string, pid: number): ProcessHandle {
  const directory = reading(path, () => openSync(path, constants.O_RDONLY | constants.O_DIRECTORY));
  const base = `/proc/self/fd/${directory}`;
  let open = true;
  return {
    pid,
    folder: base,
    text: (file) => reading(`${path}/${file}`, () => readWhole(`${base}/${file}`)),
    inode: (file) => reading(`${path}/${file}`, () => statSync(`${base}/${file}`).ino),
    close: () => {
      if (open) closeSync(directory);
      open = false;
    },
  };
}

/** ESRCH and EINVAL: the process died between two steps, or is a zombie without namespaces. */
const gone: ReadonlySet<unknown> = new Set(["ENOENT", "ENOTDIR", "ESRCH", "EINVAL"]);

/** Whether a read failed because what was to be read is no more. */
export function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && gone.has(error.code);
}

function reading<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (isGone(cause)) throw new NotAvailable(`${what} is not there (any more)`, { cause });
    throw new Error(`cannot read ${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** Throws `NotAvailable` where there is no such file. */
export function readingFile(path: string): string {
  return reading(path, () => readWhole(path));
}

/** One buffer for all reads: nothing here is ever awaited while it is in use. */
let buffer = Buffer.allocUnsafeSlow(64 * 1024);

/** A file of the kernel's, at once. */
export function readWhole(path: string): string {
  const file = openSync(path, "r");
  try {
    let length = 0;
    for (;;) {
      if (length === buffer.length) buffer = Buffer.concat([buffer, Buffer.allocUnsafeSlow(buffer.length)]);
      const read = readSync(file, buffer, length, buffer.length - length, null);
      if (read === 0) return buffer.toString("utf8", 0, length);
      length += read;
    }
  } finally {
    closeSync(file);
  }
}
