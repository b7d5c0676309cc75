import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder of network namespaces as Docker makes it: an empty file, then the mount over it. */
export interface NamespaceFolder {
  readonly dir: string;
  readonly path: (name: string) => string;
  /** The empty file alone. */
  readonly place: (name: string) => void;
  /** A new namespace, with the file where it is missing; gives its path. */
  readonly make: (name: string) => string;
  readonly remove: (name: string) => void;
  /** Runs a program inside; gives its stdout. */
  readonly run: (name: string, argv: readonly string[], input?: string) => string;
  readonly clear: () => void;
}

export function namespaceFolder(): NamespaceFolder {
  const dir = mkdtempSync(join(tmpdir(), "overlaywatch-netns-"));
  const made = new Set<string>();
  const path = (name: string): string => join(dir, name);
  const place = (name: string): void => writeFileSync(path(name), "");
  const remove = (name: string): void => {
    if (made.delete(name)) execFileSync("/usr/bin/umount", ["--lazy", path(name)]);
    rmSync(path(name), { force: true });
  };
  return {
    dir,
    path,
    place,
    make: (name) => {
      place(name);
      execFileSync("/usr/bin/unshare", [`--net=${path(name)}`, "ip", "link", "set", "lo", "up"]);
      made.add(name);
      return path(name);
    },
    remove,
    run: (name, argv, input = "") =>
      execFileSync("/usr/bin/nsenter", [`--net=${path(name)}`, "--", ...argv], { input, encoding: "utf8" }),
    clear: () => {
      for (const name of made) remove(name);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
