/**
 * LZW as memberlist packs its messages with: Go's `compress/lzw`, least significant bit first, 8 bits a literal, codes of 9 to
 * 12 bits, 256 to begin anew, 257 for the end. Throws where the bytes are none, or longer than `most` when unpacked.
 */
export function unpackLzw(packed: Uint8Array, most: number): Buffer {
  const out: Buffer[] = [];
  const codes = codeReader(packed);
  let table = freshTable();
  let length = 0;
  let last: Buffer | undefined;
  for (;;) {
    const code = codes(widthFor(table.length, last !== undefined));
    if (code === end) return Buffer.concat(out);
    if (code === clear) {
      [table, last] = [freshTable(), undefined];
      continue;
    }
    const entry: Buffer = entryOf(table, code, last);
    if (last !== undefined && table.length < largest) table.push(Buffer.concat([last, entry.subarray(0, 1)]));
    out.push(entry);
    length += entry.length;
    if (length > most) throw new Error(`a packed message of more than ${most} bytes`);
    last = entry;
  }
}

const [clear, end, largest] = [256, 257, 4096];

/** 0 to 255 stand for themselves; 256 and 257 are not looked up. */
const freshTable = (): Buffer[] => Array.from({ length: 258 }, (_, byte) => Buffer.of(byte & 0xff));

/** The writer is one entry ahead: it has made the one of this very code already. */
function widthFor(entries: number, isBehind: boolean): number {
  const ahead = Math.min(entries + (isBehind ? 1 : 0), largest);
  return Math.min(Math.max(9, 32 - Math.clz32(ahead - 1)), 12);
}

function entryOf(table: readonly Buffer[], code: number, last: Buffer | undefined): Buffer {
  const known = table[code];
  if (known !== undefined) return known;
  if (last === undefined || code !== table.length) throw new Error(`a packed message with the unknown code ${code}`);
  return Buffer.concat([last, last.subarray(0, 1)]);
}

function codeReader(packed: Uint8Array): (width: number) => number {
  let [at, bits, held] = [0, 0, 0];
  return (width) => {
    while (held < width) {
      const byte = packed[at++];
      if (byte === undefined) throw new Error("a packed message that breaks off");
      bits |= byte << held;
      held += 8;
    }
    const code = bits & ((1 << width) - 1);
    bits >>>= width;
    held -= width;
    return code;
  };
}
