/** Longer than any line of `ip`: what is longer is not kept, only counted as one line. */
const longestLine = 64 * 1024;

export interface LineCutter {
  /** The whole lines in what has come so far, without their ends. */
  readonly take: (chunk: Buffer) => readonly string[];
}

/**
 * Cuts what comes from a pipe into lines, also inside a character of several bytes. A line over 64 KiB becomes an
 * empty one, which is no line of any object.
 */
export function lineCutter(): LineCutter {
  let rest: readonly Buffer[] = [];
  let length = 0;
  let over = false;
  const keep = (part: Buffer): void => {
    length += part.length;
    over ||= length > longestLine;
    // A copy: the chunk is a view of a pool that is used again.
    rest = over || part.length === 0 ? (over ? [] : rest) : [...rest, Buffer.from(part)];
  };
  return {
    take: (chunk) => {
      const last = chunk.lastIndexOf(0x0a);
      if (last === -1) {
        keep(chunk);
        return [];
      }
      const lines = Buffer.concat([...rest, chunk.subarray(0, last)])
        .toString("utf8")
        .split("\n");
      if (over) lines[0] = "";
      [rest, length, over] = [[], 0, false];
      keep(chunk.subarray(last + 1));
      return lines;
    },
  };
}
