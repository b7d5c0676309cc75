import { closeSync, constants, openSync } from "node:fs";
import type { NamespaceProcess } from "../host.ts";
import type { Asked } from "./messages.ts";

/** Own descriptors of the `/proc/PID` of the namespaces asked about: an owner that closes his meanwhile does no harm. */
export interface Folders {
  /** Opens the new ones and closes all that are not named; an error for one that is not there (any more). */
  readonly keep: (wanted: readonly NamespaceProcess[]) => readonly (Asked | Error)[];
  readonly close: () => void;
}

export function folders(): Folders {
  const open = new Map<string, number>();
  const closeAllBut = (keys: ReadonlySet<string>) => {
    for (const [key, folder] of open) {
      if (keys.has(key)) continue;
      closeSync(folder);
      open.delete(key);
    }
  };
  const folderOf = ({ key, process }: NamespaceProcess): number => {
    const known = open.get(key);
    if (known !== undefined) return known;
    const folder = openSync(process.folder, constants.O_RDONLY | constants.O_DIRECTORY);
    open.set(key, folder);
    return folder;
  };
  return {
    keep: (wanted) => {
      closeAllBut(new Set(wanted.map(({ key }) => key)));
      return wanted.map((one) => {
        try {
          return { key: one.key, folder: folderOf(one) };
        } catch (error) {
          return error instanceof Error ? error : new Error(String(error));
        }
      });
    },
    close: () => closeAllBut(new Set()),
  };
}
