import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";

/** Text of the youngest file in the folder that was written at `since` (milliseconds since the epoch) or later. */
export function newestFile(folder: string, since: number): string | undefined {
  if (!existsSync(folder)) return undefined;
  const files = readdirSync(folder).map((name) => `${folder}/${name}`);
  const [path] = files.filter((one) => written(one) >= since).sort((a, b) => written(b) - written(a));
  return path === undefined ? undefined : readFileSync(path, "utf8");
}

const written = (path: string): number => statSync(path).mtimeMs;
