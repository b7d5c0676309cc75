import { existsSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { findEngine } from "./engines.ts";
import { labRoot, LabFolder } from "./folder.ts";
import { down, findLab, type Lab, type LabRun, up } from "./lab.ts";
import { onlyOne, Taken } from "./only-one.ts";
import type { ShapeOptions } from "./shape.ts";

/** A lab of that name is at work for somebody, or was kept. The message says what to do. */
export class InUse extends Error {
  override readonly name = "InUse";
}

/** What the demo needs is not there. The message says what to do. */
export class NotPrepared extends Error {
  override readonly name = "NotPrepared";
}

/** A lab for one demo at a time. */
export interface DemoLab {
  readonly up: (shape: ShapeOptions, run: LabRun) => Promise<Lab>;
  /** From now on it stays, and the next demo is refused. */
  readonly keep: () => void;
  /** Nothing is left of it, however far it came. */
  readonly down: () => Promise<void>;
  readonly release: () => void;
}

/** Bytes on the disk of the lab's folder: logs and configurations; images and containers are in memory. */
const leastSpace = 100 * 1024 * 1024;

/** Takes down what a demo that was killed has left. Throws `InUse` or `NotPrepared`: nothing was done then. */
export async function claimDemoLab(name: string, holder: string): Promise<DemoLab> {
  prepared();
  const folder = new LabFolder(name);
  const release = await claimed(folder.demoLock, holder);
  const mark = `${folder.path}/demo`;
  try {
    refuseOthers(name, mark);
    if (folder.exists()) await down(name);
  } catch (error) {
    release();
    throw error;
  }
  return {
    up: async (shape, run) => {
      const lab = await up({ ...shape, name }, run);
      writeFileSync(mark, "at work\n");
      return lab;
    },
    keep: () => writeFileSync(mark, kept),
    down: async () => down(name),
    release,
  };
}

const kept = "kept\n";

async function claimed(path: string, holder: string): Promise<() => void> {
  try {
    return await onlyOne(path, holder);
  } catch (cause) {
    if (!(cause instanceof Taken)) throw cause;
    throw new InUse(`another demo is at work (${cause.message}): wait until it has ended, or give --name`, { cause });
  }
}

/** A lab that runs is somebody's, unless it bears the mark of a demo that is no more. */
function refuseOthers(name: string, mark: string): void {
  if (!isUp(name)) return;
  const whose = existsSync(mark) ? readFileSync(mark, "utf8") : undefined;
  if (whose === kept)
    throw new InUse(`a demo that was kept is still there: end it by overlaywatch lab down --name ${name}`);
  if (whose === undefined)
    throw new InUse(
      `lab ${name} is up, and not by a demo: give --name, or take it down by overlaywatch lab down --name ${name}`,
    );
}

function isUp(name: string): boolean {
  try {
    findLab(name);
    return true;
  } catch {
    return false;
  }
}

/** Of all labs, where there was one before. */
const labsFolder = (): string => (existsSync(`${labRoot}/labs`) ? `${labRoot}/labs` : labRoot);

function prepared(): void {
  if (findEngine("20.10") === undefined)
    throw new NotPrepared("the demo's Docker engine is not there: run ./scripts/overlaywatch lab setup, once");
  const { bavail, bsize } = statfsSync(labsFolder());
  const left = bavail * bsize;
  if (left < leastSpace)
    throw new NotPrepared(
      `${Math.floor(left / 1024 / 1024)} MB are free on the disk of ${labsFolder()}, and the demo needs ${leastSpace / 1024 / 1024}: make room`,
    );
}
