import { lastNumber, newTally, type Tally } from "./states.ts";

export interface TextTally {
  /** The next piece of the file; it may end anywhere. */
  readonly add: (piece: Uint8Array) => void;
  /** Throws if the file ended within a line. */
  readonly end: () => Tally;
}

/**
 * Counts the sockets of `/proc/PID/net/tcp` or `tcp6` by state, byte by byte: with 20 000 sockets the file has 3 MB, of
 * which no line is ever made a string. Throws on what is not of the kernel's form; nothing is guessed.
 */
export function textTally(into: Tally = newTally()): TextTally {
  let rest: Uint8Array = new Uint8Array(0);
  return {
    add: (piece) => {
      const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
      const used = countLines(bytes, into);
      // A copy: the caller reads the next piece into the same memory.
      rest = Uint8Array.from(bytes.subarray(used));
    },
    end: () => {
      if (rest.length > 0) throw malformed(rest, 0, rest.length);
      return into;
    },
  };
}

/** The whole of one file. */
export function tallyText(text: string, into?: Tally): Tally {
  const tally = textTally(into);
  tally.add(Buffer.from(text));
  return tally.end();
}

const [newline, space, letterS] = [10, 32, 115];

/** Counts the whole lines; where the last of them ended. */
function countLines(bytes: Uint8Array, into: Tally): number {
  let start = 0;
  for (;;) {
    const end = bytes.indexOf(newline, start);
    if (end === -1) return start;
    countLine(bytes, start, end, into);
    start = end + 1;
  }
}

/** `  12: 0100007F:1F90 00000000:0000 0A ...`: the state is the fourth word. The heading begins with `sl`. */
function countLine(bytes: Uint8Array, start: number, end: number, into: Tally): void {
  let at = wordAfter(bytes, start, end);
  if (bytes[at] === letterS) return;
  for (let word = 0; word < 3; word++) at = wordAfter(bytes, wordEnd(bytes, at, end), end);
  const state = wordEnd(bytes, at, end) - at === 2 ? hexDigit(bytes[at]) * 16 + hexDigit(bytes[at + 1]) : Number.NaN;
  if (!(state >= 1 && state <= lastNumber)) throw malformed(bytes, start, end);
  into[state] = (into[state] ?? 0) + 1;
}

function wordAfter(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && bytes[at] === space) at++;
  return at;
}

function wordEnd(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && bytes[at] !== space) at++;
  return at;
}

function hexDigit(byte = 0): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  if (byte >= 65 && byte <= 70) return byte - 55;
  return byte >= 97 && byte <= 102 ? byte - 87 : Number.NaN;
}

function malformed(bytes: Uint8Array, start: number, end: number): Error {
  const line = Buffer.from(bytes.subarray(start, Math.min(end, start + 120))).toString("latin1");
  return new Error(`not a line of /proc/PID/net/tcp as the kernel writes it: ${JSON.stringify(line)}`);
}
