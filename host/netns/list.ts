import { lstatSync, readdirSync, statSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { NotAvailable } from "../host.ts";
import { isGone } from "../procfs.ts";
import { messageOf } from "../thrown.ts";

/** A network namespace that a file in Docker's folder keeps alive. */
export interface NamespaceFile {
  readonly name: string;
  readonly path: string;
  /** Of the namespace itself. The kernel gives the number of a dead one to the next, so it is no identity. */
  readonly inode: number;
  /** The same for one life of a mounted namespace, and for no other. */
  readonly key: string;
}

/** NSFS_MAGIC of magic.h. */
const nsfs = 0x6e736673;

/**
 * The namespaces in a folder, by name. Docker first makes an empty file and then mounts the namespace over it, and
 * unmounts before it removes the file: what is no mount is left out. `wanted` spares the look at all others.
 * Throws `NotAvailable` where there is no such folder: an engine that made no namespace yet has none.
 */
export function listNamespaces(dir: string, wanted: (name: string) => boolean = () => true): readonly NamespaceFile[] {
  // Never this host's own, nor by a link: what is done in there is meant for a container's or an overlay's.
  const own = namespaceInode("/proc/self/ns/net");
  return namesIn(dir)
    .filter(wanted)
    .toSorted()
    .flatMap((name) => {
      const path = join(dir, name);
      const found = isLink(path) ? undefined : look(path);
      return found === undefined || found.inode === own ? [] : [{ name, path, ...found }];
    });
}

/** Inode number of the namespace that is mounted there; undefined where none is (any more). Opens nothing. */
export function namespaceInode(path: string): number | undefined {
  return look(path)?.inode;
}

/** Its `key`; undefined where none is mounted there (any more). */
export function namespaceKey(path: string): string | undefined {
  return look(path)?.key;
}

/**
 * The mount keeps the inode in memory, with the time at which the kernel made it: with that, two lives differ also
 * where the second got the number of the first.
 */
function look(path: string): Pick<NamespaceFile, "inode" | "key"> | undefined {
  try {
    if (statfsSync(path).type !== nsfs) return undefined;
    const { ino, ctimeNs } = statSync(path, { bigint: true });
    return { inode: Number(ino), key: `${ino}@${ctimeNs}` };
  } catch (cause) {
    if (isGone(cause)) return undefined;
    throw new Error(`cannot look at the namespace ${path}: ${messageOf(cause)}`, { cause });
  }
}

const isLink = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch (cause) {
    if (isGone(cause)) throw new NotAvailable(`the folder of namespaces ${dir} is not there`, { cause });
    throw new Error(`cannot list the namespaces in ${dir}: ${messageOf(cause)}`, { cause });
  }
}
