import { closeSync, constants, openSync, statSync } from "node:fs";
import { join } from "node:path";
import { NotAvailable, type ProcessHandle, type Procfs } from "./host.ts";
import { keptFiles, readWhole } from "./kernel-files.ts";
import { codeOf, messageOf } from "./thrown.ts";

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

/**
 * An open directory of `/proc/PID` refers to the process, not to its number: once dead, every look-up below it fails.
 * What `inode` finds decides how long files of its network namespace stay open: until it is gone, or in another one.
 */
function openProcess(path: string, pid: number): ProcessHandle {
  const directory = reading(path, () => openSync(path, constants.O_RDONLY | constants.O_DIRECTORY));
  const base = `/proc/self/fd/${directory}`;
  const files = keptFiles(base);
  let open = true;
  let namespace: number | undefined;
  const inode = (file: string): number => {
    const found = statSync(`${base}/${file}`).ino;
    if (file === "net/dev" && found !== namespace) {
      files.close();
      namespace = found;
    }
    return found;
  };
  return {
    pid,
    folder: base,
    text: (file) => {
      const text = file.startsWith("net/") ? files.text : (name: string) => readWhole(`${base}/${name}`);
      return reading(`${path}/${file}`, () => text(file));
    },
    inode: (file) => reading(`${path}/${file}`, () => inode(file), files.close),
    close: () => {
      files.close();
      if (open) closeSync(directory);
      open = false;
    },
  };
}

/** ESRCH and EINVAL: the process died between two steps, or is a zombie without namespaces. */
const gone: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ESRCH", "EINVAL"]);

/** Whether a read failed because what was to be read is no more. */
export function isGone(error: unknown): boolean {
  return gone.has(codeOf(error));
}

function reading<T>(what: string, read: () => T, letGo?: () => void): T {
  try {
    return read();
  } catch (cause) {
    letGo?.();
    if (isGone(cause)) throw new NotAvailable(`${what} is not there (any more)`, { cause });
    throw new Error(`cannot read ${what}: ${messageOf(cause)}`, { cause });
  }
}

/** Throws `NotAvailable` where there is no such file. */
export function readingFile(path: string): string {
  return reading(path, () => readWhole(path));
}
