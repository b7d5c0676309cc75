import { open, mkdir, readdir, rename } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { atomicFile } from "./atomic-file.ts";
import { codeOf } from "./thrown.ts";

/** The folder of notes by which a cleanup can be undone. */
export interface UndoFolder {
  /** On the disk for good once it resolves, marked as unfinished; gives its path. A second call replaces it. */
  readonly keep: (name: string, text: string) => Promise<string>;
  /** Of runs that did not come to their end: their paths, oldest first. */
  readonly unfinished: () => Promise<readonly string[]>;
}

const mark = ".unfinished.json";

/** Only root's to read: names of containers and networks are in it. */
export function undoFolder(dir: string): UndoFolder {
  return {
    keep: async (name, text) => {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      const file = atomicFile(join(dir, `${name}${mark}`), 0o600);
      await file.write(text);
      return file.path;
    },
    unfinished: async () => (await namesIn(dir)).filter((name) => name.endsWith(mark)).map((name) => join(dir, name)),
  };
}

/** Takes the mark away, where there is one; gives the path that the file has then. */
export async function finish(path: string): Promise<string> {
  if (!basename(path).endsWith(mark)) return path;
  const finished = `${path.slice(0, -mark.length)}.json`;
  await rename(path, finished);
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
  return finished;
}

async function namesIn(dir: string): Promise<readonly string[]> {
  try {
    return (await readdir(dir)).toSorted();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}
