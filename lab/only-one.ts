import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { tryLock } from "../host/lock.ts";
import { pause } from "./process.ts";

/** Somebody else has it. The message says who. */
export class Taken extends Error {
  override readonly name = "Taken";
}

/**
 * A lock of the kernel's (flock(2)) that leaves no file behind: its holder removes the file, and its folder if that is empty
 * then, before letting it go. Who has opened that very file meanwhile has locked one that nobody else can find, and begins
 * anew. It goes with this process, however that ends; only then the file stays. Throws `Taken` after `waitMs`.
 */
export async function onlyOne(path: string, holder: string, waitMs = 0): Promise<() => void> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const file = await locked(path);
    if (file !== undefined) {
      ftruncateSync(file);
      writeSync(file, `${holder}\n`, 0);
      return () => release(path, file);
    }
    if (performance.now() >= deadline) throw new Taken(holderIn(path));
    await pause(20);
  }
}

/** The open file, where it was had. */
async function locked(path: string): Promise<number | undefined> {
  for (;;) {
    const file = opened(path);
    if (file === undefined) continue;
    const isOurs = await tryLock(file);
    if (isOurs && isAt(path, file)) return file;
    closeSync(file);
    if (!isOurs) return undefined;
  }
}

function opened(path: string): number | undefined {
  try {
    mkdirSync(dirname(path), { recursive: true });
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (error) {
    // The folder has just gone with its last file.
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function release(path: string, file: number): void {
  rmSync(path, { force: true });
  closeSync(file);
  try {
    rmdirSync(dirname(path));
  } catch {
    // Others are in it, or it is gone already.
  }
}

function isAt(path: string, file: number): boolean {
  return statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(file).ino;
}

/** Empty for the moment before the holder has written it; gone where it has just ended. */
function holderIn(path: string): string {
  try {
    return readFileSync(path, "utf8").trim() || "another process";
  } catch {
    return "another process";
  }
}
