import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { lstat, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { messageOf } from "./thrown.ts";

/** The name of what can not be read or written is in the message. */
export class FileTrouble extends Error {
  override readonly name = "FileTrouble";
}

/**
 * The whole file or none, only for its owner's eyes. Where a link, a folder or a device has that name nothing is written: this
 * runs as root, and the folder may be anybody's. Throws `FileTrouble`.
 */
export async function writePrivate(path: string, text: string): Promise<void> {
  await attempt(`write ${path}`, async () => {
    const there = await lstat(path).catch(() => undefined);
    if (there !== undefined && !there.isFile()) throw new Error("it is there, and no regular file");
    const fresh = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}`);
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    const file = await open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
      await rename(fresh, path);
    } catch (error) {
      await rm(fresh, { force: true });
      throw error;
    } finally {
      await file.close();
    }
  });
}

/** A regular file of at most so many bytes, as text. Throws `FileTrouble`. */
export async function readBounded(path: string, mostBytes: number): Promise<string> {
  return attempt(`read ${path}`, async () => {
    // Opening a pipe would wait for its writer.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const found = await file.stat();
      if (!found.isFile()) throw new Error("it is no regular file");
      if (found.size > mostBytes) throw new Error(`it has ${found.size} bytes, more than ${mostBytes}`);
      return await file.readFile("utf8");
    } finally {
      await file.close();
    }
  });
}

async function attempt<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new FileTrouble(`cannot ${what}: ${messageOf(cause)}`, { cause });
  }
}
