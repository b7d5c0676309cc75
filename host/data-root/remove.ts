import { spawn } from "node:child_process";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { printable } from "../iproute2/error.ts";
import { find, fixedEnv } from "../iproute2/program.ts";

/** Bytes on the disk, of a file or of a folder with all below it; links as themselves. */
export async function sizeOf(path: string): Promise<number> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return 0;
  let size = found.blocks * 512;
  if (!found.isDirectory()) return size;
  for (const name of await readdir(path)) size += await sizeOf(join(path, name));
  return size;
}

/**
 * Takes a file or folder away. By rm(1), which goes down by open folders (`openat`), so that nobody can lay a link in its way;
 * a link is removed as one, and another file system is not entered. Gives why it is still there, in rm's words.
 */
export async function remove(path: string): Promise<string | undefined> {
  const said = await rm(path);
  const left = await lstat(path).catch(() => undefined);
  return left === undefined ? undefined : `${path} is still there: ${said}`;
}

async function rm(path: string): Promise<string> {
  const args = ["--recursive", "--force", "--one-file-system", "--preserve-root", "--", path];
  const child = spawn(find("rm"), args, { env: fixedEnv, cwd: "/", stdio: ["ignore", "ignore", "pipe"] });
  const chunks: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => resolve());
  });
  return printable(Buffer.concat(chunks).toString("utf8")).slice(0, 500).trim() || "rm says nothing";
}
