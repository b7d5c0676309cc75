import type { Totals } from "./proc-net.ts";
import { numbers, type Tally } from "./states.ts";

/**
 * How many sockets are ESTABLISHED, from the kernel's gauge CurrEstab and a tally of the other states, so that they need
 * not be walked. Kernels before mid-2024 count ESTABLISHED alone, newer ones CLOSE_WAIT too (RFC 1213): which it is here
 * is learnt from full dumps, and only matters where there are sockets in CLOSE_WAIT.
 */
export interface EstablishedRule {
  /** Undefined: not known, or the gauge can not be true. A full dump is needed. */
  readonly derive: (totals: Totals, others: Tally) => number | undefined;
  /** A full dump, with the gauge as read before and after it. */
  readonly learn: (before: number, after: number, full: Tally) => void;
}

/** So many dumps must speak for one way more than for the other: a single one may agree by chance. */
const enough = 3;

export function establishedRule(): EstablishedRule {
  /** Votes that CLOSE_WAIT is counted, less those that it is not. */
  let votes = 0;
  return {
    derive: ({ currEstab, inUse }, others) => {
      const closeWait = others[numbers.closeWait] ?? 0;
      // More than there are sockets: the gauge has drifted.
      if (currEstab > inUse - (others[numbers.listen] ?? 0)) return undefined;
      if (closeWait === 0 || votes <= -enough) return currEstab;
      // Two readings of a moving thing: one that closed between them must not make a negative number.
      return votes >= enough ? Math.max(0, currEstab - closeWait) : undefined;
    },
    learn: (before, after, full) => {
      const [established, closeWait] = [full[numbers.established] ?? 0, full[numbers.closeWait] ?? 0];
      if (before !== after || closeWait === 0 || Math.abs(votes) >= enough) return;
      if (before === established + closeWait) votes++;
      else if (before === established) votes--;
    },
  };
}
