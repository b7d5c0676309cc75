import { printable } from "./iproute2/error.ts";

/** For a person to paste into a POSIX shell: names come from others, so anything but a plain word is quoted. */
export const shellLine = (argv: readonly string[]): string =>
  argv
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${printable(word).replaceAll("'", "'\\''")}'`))
    .join(" ");
