import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const notOurs: ReadonlySet<string> = new Set(["node_modules", "dist", "coverage", ".git"]);

/** Paths of the repository's own files, from its root. */
export function ownFiles(folder = "."): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (notOurs.has(entry.name)) return [];
    if (entry.isDirectory()) return ownFiles(path);
    return entry.isFile() ? [path] : [];
  });
}

export const contentOf = (path: string): string => readFileSync(path, "utf8");
