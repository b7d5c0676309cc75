import { constants } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { atomicFile } from "./atomic-file.ts";
import { messageOf } from "./thrown.ts";

/** A file of lines that is only added to. One call at a time. */
export interface LogFile {
  /** Whole lines; they are on their way, and no more than that. */
  readonly write: (text: string) => Promise<void>;
  /** What was written before is on the disk when this resolves. */
  readonly sync: () => Promise<void>;
  /** The file holds the old lines or these at every moment, and these for good once this resolves. */
  readonly replace: (text: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface OpenedLog {
  readonly file: LogFile;
  /** Its whole lines, without their newlines. */
  readonly lines: readonly string[];
  /** Bytes after the last newline, which were cut off: a line that a death cut short, and nobody was promised. */
  readonly torn: number;
}

/** Makes it where it is missing. Throws an Error that names the file. */
export async function openLogFile(path: string, mode: number): Promise<OpenedLog> {
  const whole = atomicFile(path, mode);
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const bytes = Buffer.from((await whole.read()) ?? "", "utf8");
  const end = bytes.lastIndexOf(0x0a) + 1;
  const lines = end === 0 ? [] : bytes.toString("utf8", 0, end - 1).split("\n");
  const torn = bytes.length - end;
  // Also makes a new file, and its name, last.
  if (torn > 0 || bytes.length === 0) await whole.write(bytes.toString("utf8", 0, end));
  let handle = await opened(path);
  const file: LogFile = {
    write: async (text) => written(handle, text, path),
    sync: async () => handle.datasync(),
    replace: async (text) => {
      await whole.write(text);
      await handle.close();
      handle = await opened(path);
    },
    close: async () => handle.close(),
  };
  return { file, lines, torn };
}

const opened = async (path: string): Promise<FileHandle> => open(path, constants.O_WRONLY | constants.O_APPEND);

async function written(handle: FileHandle, text: string, path: string): Promise<void> {
  try {
    await handle.writeFile(text);
  } catch (cause) {
    throw new Error(`cannot write to ${path}: ${messageOf(cause)}`, { cause });
  }
}
