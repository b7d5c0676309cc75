import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { must } from "../../lab/process.ts";

export interface FullPipe {
  /** To be a program's stdout: nothing more goes into it, and nobody reads it. */
  readonly fd: number;
  readonly close: () => void;
}

/** A pipe that is full, whose reader is there and does not read. */
export async function fullPipe(): Promise<FullPipe> {
  const folder = mkdtempSync(join(tmpdir(), "overlaywatch-accept-"));
  const path = join(folder, "pipe");
  await must(["/usr/bin/mkfifo", path]);
  const reader = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  for (const size of [65536, 4096, 512, 1]) fill(reader, size);
  // An open file of its own: the child's mode of writing is not ours.
  const fd = openSync(path, constants.O_WRONLY);
  const close = () => {
    closeSync(fd);
    closeSync(reader);
    rmSync(folder, { recursive: true });
  };
  return { fd, close };
}

function fill(fd: number, size: number): void {
  try {
    for (;;) writeSync(fd, Buffer.alloc(size, "x"));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
  }
}
