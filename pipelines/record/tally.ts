import type { EventAction, EventObject } from "../entry.ts";
import type { Counted } from "./fold.ts";

/** Events of one network, since some time. */
export interface Tally {
  events: number;
  moves: number;
  flaps: number;
  misses: number;
  vtepChanges: number;
  /** The largest share of a window that a local MAC spent on the vxlan port, and the container that has it. */
  largestShare: number;
  largestOf: string;
}

export const newTally = (): Tally => ({
  events: 0,
  moves: 0,
  flaps: 0,
  misses: 0,
  vtepChanges: 0,
  largestShare: 0,
  largestOf: "",
});

export function countInto(tally: Tally, event: Counted): void {
  tally.events++;
  tally.moves += event.moves;
  tally.flaps += event.flaps;
  tally.vtepChanges += event.vtepChanges;
  if (event.action === "miss") tally.misses++;
}

/** Keeps the largest share, 0 to 1, and whose it was. */
export function shareInto(tally: Tally, share: number, container: string): void {
  if (share <= tally.largestShare) return;
  tally.largestShare = share;
  tally.largestOf = container;
}

export type ByObject = Partial<Record<`${EventObject} ${EventAction}`, number>>;

/** One network's last minute, for people. */
export function summaryOf(network: string, tally: Tally, misplaced: readonly string[]): string {
  const { events, moves, flaps, misses, vtepChanges, largestShare, largestOf } = tally;
  const parts = [
    `last minute on ${network}: ${events} netlink events`,
    `${moves} MAC moves`,
    `${flaps} flaps`,
    `${misses} misses`,
    ...(vtepChanges > 0 ? [`${vtepChanges} VTEP changes`] : []),
    largestOf === ""
      ? "no local MAC was on the vxlan port"
      : `largest share of 2 s on the vxlan port ${largestShare.toFixed(3)} (${largestOf})`,
    misplaced.length === 0 ? "none misplaced" : `misplaced: ${misplaced.join(" ")}`,
  ];
  return `${parts.join(", ")}.`;
}
