import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { codeOf, messageOf } from "./thrown.ts";

/** SHA-256 of a file's content, 64 hexadecimal digits; undefined where there is no such file. Throws where it can not be read. */
export function fileDigest(path: string): string | undefined {
  try {
    return createHash("sha256").update(readFileSync(path)).digest("hex");
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined;
    throw new Error(`cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}
