import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { atomicFile } from "./atomic-file.ts";

/** A folder that its owner alone may look into. */
export interface SecretFolder {
  /** Made where it is not there, and closed to others where it is. */
  readonly open: () => void;
  readonly pathOf: (name: string) => string;
  /** The whole text; undefined where there is no such file. */
  readonly read: (name: string) => Promise<string | undefined>;
  /** For its owner alone, unless told. */
  readonly write: (name: string, text: string, mode?: number) => Promise<void>;
  readonly remove: (name: string) => void;
}

export function secretFolder(path: string): SecretFolder {
  const pathOf = (name: string) => join(path, name);
  return {
    open: () => {
      mkdirSync(path, { recursive: true, mode: 0o700 });
      chmodSync(path, 0o700);
    },
    pathOf,
    read: (name) => atomicFile(pathOf(name)).read(),
    write: (name, text, mode = 0o600) => atomicFile(pathOf(name), mode).write(text),
    remove: (name) => rmSync(pathOf(name), { force: true }),
  };
}
