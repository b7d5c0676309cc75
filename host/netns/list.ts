import { readdirSync, statSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { NotAvailable } from "../host.ts";
import { isGone } from "../procfs.ts";

/** A network namespace that a file in Docker's folder keeps alive. */
export interface NamespaceFile {
  readonly name: string;
  readonly path: string;
  /** Of the namespace itself: another one under the same name has another number while both live. */
  readonly inode: number;
}

/** NSFS_MAGIC of magic.h. */
const nsfs = 0x6e736673;

/**
 * The namespaces in a folder, by name. Docker first makes an empty file and then mounts the namespace over it, and
 * unmounts before it removes the file: what is no mount is left out. `wanted` spares the look at all others.
 * Throws `NotAvailable` where there is no such folder: an engine that made no namespace yet has none.
 */
export function listNamespaces(dir: string, wanted: (name: string) => boolean = () => true): readonly NamespaceFile[] {
  return namesIn(dir)
    .filter(wanted)
    .toSorted()
    .flatMap((name) => {
      const path = join(dir, name);
      const inode = namespaceInode(path);
      return inode === undefined ? [] : [{ name, path, inode }];
    });
}

/** Inode number of the namespace that is mounted there; undefined where none is (any more). Opens nothing. */
export function namespaceInode(path: string): number | undefined {
  try {
    return statfsSync(path).type === nsfs ? statSync(path).ino : undefined;
  } catch (cause) {
    if (isGone(cause)) return undefined;
    throw new Error(`cannot look at the namespace ${path}: ${messageOf(cause)}`, { cause });
  }
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch (cause) {
    if (isGone(cause)) throw new NotAvailable(`the folder of namespaces ${dir} is not there`, { cause });
    throw new Error(`cannot list the namespaces in ${dir}: ${messageOf(cause)}`, { cause });
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
