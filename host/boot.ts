import { join } from "node:path";
import { readWhole } from "./kernel-files.ts";
import { messageOf } from "./thrown.ts";

/** Of the machine's start: 32 hexadecimal digits and dashes (random(4)). Throws where `/proc` does not have it. */
export function bootId(hostRoot = "/"): string {
  const path = join(hostRoot, "proc/sys/kernel/random/boot_id");
  try {
    return readWhole(path).trim();
  } catch (cause) {
    throw new Error(`cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}
