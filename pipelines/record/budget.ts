/** How many entries may be written: never more than `perSecond` in any second. */
export interface Budget {
  /** Takes one if at least `reserve` others are left afterwards. */
  readonly take: (reserve: number) => boolean;
  /** One that is written in any case; it counts. */
  readonly force: () => void;
  readonly left: () => number;
}

/** The last second is counted in this many slots. */
const slotCount = 20;
const slotMs = 1000 / slotCount;

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
  const force = (): void => {
    left();
    slots[newest % slots.length] = (slots[newest % slots.length] ?? 0) + 1;
    used++;
  };
  return {
    left,
    force,
    take: (reserve) => {
      if (left() <= reserve) return false;
      force();
      return true;
    },
  };
}
