import { first, lengthAt } from "./export-entry.ts";

const [newline, equals] = [0x0a, 0x3d];

/** Longer than any name: a line without `=` that is longer than this is no field. */
const longestHead = 1024;

export interface Skipper {
  /** Where it stands after this data: from there on it wants more, or, once done, the next entry begins. */
  readonly pass: (data: Buffer) => { readonly at: number; readonly done: boolean };
}

/**
 * Passes over one entry that is too large to be kept, by its own structure: a value may well hold what looks like the
 * end of the entry and the begin of another.
 */
export function skipper(): Skipper {
  let left = 0;
  let inLine = false;
  let begun = false;
  const field = (data: Buffer, at: number): number => {
    const step = stepOver(data, at);
    [left, inLine, begun] = [step.left, step.inLine, true];
    return step.at;
  };
  return {
    pass: (data) => {
      let at = 0;
      while (at < data.length) {
        if (left > 0) {
          const passed = Math.min(left, data.length - at);
          [left, at] = [left - passed, at + passed];
        } else if (inLine) {
          const end = data.indexOf(newline, at);
          [inLine, at] = [end === -1, end === -1 ? data.length : end + 1];
        } else if (data[at] === newline) {
          return { at: at + 1, done: true };
        } else if (begun && isFirst(data, at)) {
          return { at, done: true };
        } else {
          const next = field(data, at);
          if (next === at) break;
          at = next;
        }
      }
      return { at, done: false };
    },
  };
}

const isFirst = (data: Buffer, at: number): boolean =>
  data.toString("latin1", at, at + first.length + 1) === `${first}=`;

/** Over the head of a field. Stands still where too little of it is there. */
function stepOver(data: Buffer, at: number): { at: number; left: number; inLine: boolean } {
  const end = data.indexOf(newline, at);
  const head = data.subarray(at, end === -1 ? data.length : end);
  if (head.includes(equals) || head.length > longestHead) return { at: at + head.length, left: 0, inLine: true };
  const length = end === -1 ? "part" : lengthAt(data, end + 1);
  if (length === "part") return { at, left: 0, inLine: false };
  if (length === "bad") return { at: end, left: 0, inLine: true };
  return { at: end + 9, left: length + 1, inLine: false };
}
