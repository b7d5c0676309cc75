import { constants, renameSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { codeOf, messageOf } from "./thrown.ts";

export interface AtomicFile {
  readonly path: string;
  /** The whole text; undefined where there is no file. Throws where it is there and can not be read. */
  readonly read: () => Promise<string | undefined>;
  /** The file holds the old text or the new one at every moment, and the new one for good once this resolves. */
  readonly write: (text: string) => Promise<void>;
  /** Moves a file that is of no use out of the way, to `PATH.bad`; gives where it went. */
  readonly setAside: () => Promise<string>;
}

/** A file that a crash of this process or of the machine leaves whole. Writes must not overlap: one process, one at a time. */
export function atomicFile(path: string, mode = 0o644): AtomicFile {
  const folder = dirname(path);
  const fresh = `${path}.new`;
  return {
    path,
    read: () =>
      attempt(`read ${path}`, async () => {
        try {
          return await readFile(path, "utf8");
        } catch (error) {
          if (codeOf(error) === "ENOENT") return undefined;
          throw error;
        }
      }),
    write: (text) =>
      attempt(`write ${path}`, async () => {
        await mkdir(folder, { recursive: true, mode: 0o755 });
        await writeThrough(fresh, text, mode);
        await rename(fresh, path);
        await sync(folder);
      }),
    setAside: () =>
      attempt(`move ${path} aside`, async () => {
        // A folder of that name, or one that an earlier time left.
        await rm(`${path}.bad`, { recursive: true, force: true });
        await rename(path, `${path}.bad`);
        return `${path}.bad`;
      }),
  };
}

async function writeThrough(path: string, text: string, mode: number): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A rename is for good once its folder is (fsync(2)). */
async function sync(folder: string): Promise<void> {
  const file = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * A mark beside a file, in its name: a step that a dead process leaves behind for the next one, at the price of one system
 * call. It outlives the process, not the machine: nothing is written through.
 */
export interface Mark {
  /** Of at most one mark, its text; undefined where there is none. */
  readonly read: () => Promise<string | undefined>;
  /** Replaces the mark. Letters, digits, `.` and `-`. */
  readonly set: (text: string) => void;
}

export function markBeside(path: string): Mark {
  const [folder, head] = [dirname(path), `${basename(path)}@`];
  let current: string | undefined;
  return {
    read: () =>
      attempt(`look for marks in ${folder}`, async () => {
        const [first, ...rest] = await marksIn(folder, head);
        // Two are never left by this program: none of them can be trusted.
        if (rest.length > 0)
          for (const text of [first, ...rest]) rmSync(join(folder, `${head}${text}`), { force: true });
        current = rest.length > 0 ? undefined : first;
        return current;
      }),
    set: (text) => {
      const to = join(folder, `${head}${text}`);
      try {
        if (current === undefined) writeFileSync(to, "");
        else renameSync(join(folder, `${head}${current}`), to);
      } catch (cause) {
        throw new Error(`cannot set the mark ${to}: ${messageOf(cause)}`, { cause });
      }
      current = text;
    },
  };
}

async function marksIn(folder: string, head: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.startsWith(head)).map((name) => name.slice(head.length));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}

async function attempt<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new Error(`cannot ${what}: ${messageOf(cause)}`, { cause });
  }
}
