import { readFile } from "node:fs/promises";

/** Of this program, by the package.json beside it. */
export async function version(): Promise<string> {
  const text = await readFile(new URL("../../package.json", import.meta.url), "utf8");
  return /"version": "([^"]+)"/u.exec(text)?.[1] ?? "unknown";
}
