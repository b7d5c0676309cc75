import { closeSync, constants, existsSync, lstatSync, openSync, readdirSync, realpathSync } from "node:fs";
import { join, normalize } from "node:path";
import { readWhole } from "../kernel-files.ts";
import { tryLock } from "../lock.ts";
import { graphDrivers, imageNames, lockedNames, mountsBelow, stateNames } from "./layout.ts";

/** The data root of an engine, as it is on the disk. */
export interface DataRoot {
  readonly path: string;
  /** Folders and files of the engine's state that are there. */
  readonly state: readonly string[];
  /** Those of them that are links: what they lead to is left alone. */
  readonly links: readonly string[];
  /** Neither state nor images, as far as is known: left alone. */
  readonly unknown: readonly string[];
  /** Containers that have a folder there, running or not. */
  readonly containers: number;
  readonly images: number;
}

/** It is no folder to work in. The message says why. */
export class NoDataRoot extends Error {
  override readonly name = "NoDataRoot";
}

/** Throws `NoDataRoot`. */
export function examineDataRoot(given: string): DataRoot {
  const path = realFolder(given);
  const names = readdirSync(path);
  const driver = graphDrivers.find((one) => names.includes(one) && existsSync(join(path, "image", one, "layerdb")));
  if (driver === undefined)
    throw new NoDataRoot(
      `${path} does not look like an engine's data root: there is no image/DRIVER/layerdb with a folder DRIVER beside it`,
    );
  const state = stateNames.filter((one) => names.includes(one));
  return {
    path,
    state,
    links: state.filter((one) => lstatSync(join(path, one)).isSymbolicLink()),
    unknown: names.filter((name) => !imageNames.includes(name) && !state.some((one) => one === name)).toSorted(),
    containers: entriesIn(join(path, "containers")),
    images: entriesIn(join(path, "image", driver, "imagedb/content/sha256")),
  };
}

/** Everybody's folders, whatever they hold. */
const tooHigh =
  /^\/(?:(?:bin|boot|dev|etc|home|lib\w*|media|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var)?|(?:var|usr)\/[^/]*)$/;

/** The folder itself, by its real path: what is a link is not followed, and whose it is matters. */
function realFolder(given: string): string {
  if (!given.startsWith("/")) throw new NoDataRoot(`${given} is not an absolute path`);
  const path = normalize(given).replace(/(?<=.)\/+$/, "");
  if (!existsSync(path)) throw new NoDataRoot(`${path} is not there`);
  const real = realpathSync(path);
  if (real !== path)
    throw new NoDataRoot(`${path} leads by a link to ${real}: name that one itself, with --data-root ${real}`);
  if (tooHigh.test(path)) throw new NoDataRoot(`${path} is a folder of the system, no engine's data root`);
  const { uid, mode } = lstatSync(path);
  if (!lstatSync(path).isDirectory()) throw new NoDataRoot(`${path} is no folder`);
  if (uid !== 0 || (mode & 0o022) !== 0)
    throw new NoDataRoot(`${path} belongs to user ${uid}, or others may write in it: not only root's`);
  return path;
}

const entriesIn = (folder: string): number => (existsSync(folder) ? readdirSync(folder).length : 0);

/** Whatever is mounted below: containers that still run, volumes, somebody's disk. */
export const mountedBelow = (path: string): readonly string[] => mountsBelow(path, readWhole("/proc/self/mountinfo"));

/** The database that an engine at work holds, which is more than a socket or a process number can tell; undefined where none is. */
export async function heldBy(path: string): Promise<string | undefined> {
  for (const name of lockedNames) if (await isHeld(join(path, name))) return name;
  return undefined;
}

async function isHeld(path: string): Promise<boolean> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false;
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return !(await tryLock(file));
  } finally {
    closeSync(file);
  }
}
