import { closeSync, openSync, readSync } from "node:fs";

/** One buffer for all reads: nothing here is ever awaited while it is in use. */
let buffer = Buffer.allocUnsafeSlow(64 * 1024);

/** A file of the kernel's, at once. */
export function readWhole(path: string): string {
  const file = openSync(path, "r");
  try {
    return buffer.toString("utf8", 0, readInto(file));
  } finally {
    closeSync(file);
  }
}

/** Into `buffer`, all that an open file shows now, from its start. Returns how many bytes that are. */
function readInto(file: number): number {
  for (let length = 0; ;) {
    if (length === buffer.length) buffer = Buffer.concat([buffer, Buffer.allocUnsafeSlow(buffer.length)]);
    const read = readSync(file, buffer, length, buffer.length - length, length);
    length += read;
    if (read === 0 || length < surelyWhole) return length;
  }
}

/**
 * The kernel prints into a page of its own, and gives less than was asked for at the end of the file or where the next
 * record does not fit the page any more (fs/seq_file.c, seq_read_iter): with less than half a page it is the end.
 */
const surelyWhole = 2048;

/** Files below one folder of `/proc` that are read again and again. */
export interface KeptFiles {
  /** A file whole, as it is now; the very same string where nothing has changed since. Throws what Node's fs throws. */
  readonly text: (file: string) => string;
  readonly close: () => void;
}

interface Kept {
  readonly descriptor: number;
  /** Of the last reading, at its beginning. */
  memory: Buffer;
  length: number;
  text: string;
}

/** By thread. With three more for each container a host of 1000 fits where a process may have 4096 descriptors, the smallest usual limit. */
const most = 400;
let open = 0;

/**
 * Opens a file once and reads it from its start each time: to open and close one costs twice what it takes to read it.
 * One of `/proc/PID/net` goes on showing its namespace, and keeps it alive, when the process is gone: close them then.
 */
export function keptFiles(folder: string): KeptFiles {
  const files = new Map<string, Kept>();
  const openOne = (file: string): Kept => {
    const made = { descriptor: openSync(`${folder}/${file}`, "r"), memory: Buffer.alloc(0), length: 0, text: "" };
    files.set(file, made);
    open++;
    return made;
  };
  const close = (file: string, { descriptor }: Kept): void => {
    files.delete(file);
    open--;
    closeSync(descriptor);
  };
  return {
    text: (file) => {
      const kept = files.get(file) ?? openOne(file);
      try {
        const length = readInto(kept.descriptor);
        if (length !== kept.length || buffer.compare(kept.memory, 0, length, 0, length) !== 0) remember(kept, length);
        return kept.text;
      } catch (error) {
        close(file, kept);
        throw error;
      } finally {
        if (open > most && files.has(file)) close(file, kept);
      }
    },
    close: () => {
      for (const [file, kept] of files) close(file, kept);
    },
  };
}

/** In the same memory, if it is large enough: a busy container's files change in each cycle. */
function remember(kept: Kept, length: number): void {
  if (kept.memory.length < length) kept.memory = Buffer.allocUnsafeSlow(length + 64);
  buffer.copy(kept.memory, 0, 0, length);
  kept.length = length;
  kept.text = buffer.toString("utf8", 0, length);
}
