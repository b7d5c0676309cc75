import { entryEnd } from "./entry-text.ts";

/** Texts of entries that wait for the journal, bounded in number and in size. */
export interface EntryQueue {
  readonly length: () => number;
  readonly isHalfEmpty: () => boolean;
  /** False where there is no room. */
  readonly add: (text: string) => boolean;
  /** The oldest ones as the text of one batch. They stay until `drop`. */
  readonly batch: () => { readonly count: number; readonly text: string };
  readonly drop: (count: number) => void;
}

/** UTF-16 units that all waiting entries may have, and those of one batch. */
const [most, mostInBatch] = [64 * 1024 * 1024, 512 * 1024];
const entriesInBatch = 256;

/** Of at most `maxQueue` entries: what is more, or has too many characters together, is not taken. */
export function entryQueue(maxQueue: number): EntryQueue {
  const waiting: string[] = [];
  let size = 0;
  return {
    length: () => waiting.length,
    isHalfEmpty: () => waiting.length <= maxQueue / 2 && size <= most / 2,
    add: (text) => {
      if (waiting.length >= maxQueue || size + text.length > most) return false;
      waiting.push(text);
      size += text.length;
      return true;
    },
    batch: () => {
      const count = countIn(waiting);
      return { count, text: waiting.slice(0, count).join(entryEnd) };
    },
    drop: (count) => {
      for (const text of waiting.splice(0, count)) size -= text.length;
    },
  };
}

function countIn(waiting: readonly string[]): number {
  let size = 0;
  const end = waiting.findIndex((text, index) => (size += text.length) > mostInBatch || index >= entriesInBatch);
  return end === -1 ? waiting.length : Math.max(1, end);
}
