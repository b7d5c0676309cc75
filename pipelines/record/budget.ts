/**
 * How many entries may be written, so that journald never stamps more than `perSecond` in any second: it stamps when it
 * gets round to them, up to half a second late under load, and so those of `spanMs` may come to stand within one.
 */
export interface Budget {
  /** One was written. */
  readonly spend: () => void;
  /** Below 0 when more was written than allowed. */
  readonly left: () => number;
}

/** Measured: of entries that keep within 100 in any second when written, journald stamped 154 in one while a storm ran. */
const spanMs = 1500;
/** That time is counted in this many slots. */
const slotCount = 30;
const slotMs = spanMs / slotCount;

/** `monotonic`: milliseconds. */
export function entryBudget(perSecond: number, monotonic: () => number): Budget {
  const slots = Array.from({ length: slotCount + 1 }, () => 0);
  let [newest, used] = [0, 0];
  const left = (): number => {
    const slot = Math.floor(monotonic() / slotMs);
    for (let n = Math.max(newest + 1, slot - slotCount); n <= slot; n++) {
      used -= slots[n % slots.length] ?? 0;
      slots[n % slots.length] = 0;
    }
    newest = Math.max(newest, slot);
    return perSecond - used;
  };
  const spend = (): void => {
    left();
    slots[newest % slots.length] = (slots[newest % slots.length] ?? 0) + 1;
    used++;
  };
  return { left, spend };
}
