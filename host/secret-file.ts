import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";

/** Bytes: keys and tokens are far below. */
const most = 64 * 1024;

/** Whether there is such a file, whatever is in it. */
export const isSecretThere = (path: string): boolean => existsSync(path);

/**
 * A file that holds a secret: others may neither read nor write it, its group may read it. Throws an Error that names the
 * file, never what is in it; with `code: "ENOENT"` where it is not there.
 */
export function readSecret(path: string): string {
  const file = openSync(path, "r");
  try {
    const { mode } = fstatSync(file);
    if ((mode & 0o026) !== 0)
      throw new Error(`${path} may be read or written by others: take that from them (chmod o-rw,g-w)`);
    const buffer = Buffer.alloc(most + 1);
    const length = readSync(file, buffer, 0, buffer.length, 0);
    if (length > most) throw new Error(`${path} has more than ${most} bytes: it is another file`);
    return buffer.toString("utf8", 0, length);
  } finally {
    closeSync(file);
  }
}
