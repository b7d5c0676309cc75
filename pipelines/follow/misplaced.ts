import type { Sample, Tags } from "../../emit/sample.ts";
import type { Entry } from "../entry.ts";

/** A container's MAC address of which the recorder said that it is, or was, on the vxlan port. */
export interface Placement {
  readonly network: string;
  readonly container: string;
  readonly on: boolean;
  /** Of the recorder that said it. */
  readonly epoch: string;
  /** When it was last said, or last known to hold, in milliseconds since the epoch. */
  readonly seen: number;
  /** False after a hole in the journal: what was said then is not known, until it is said again. */
  readonly sure: boolean;
}

/** Without a word from the recorder for so long, nothing is known any more; milliseconds. */
const forgottenAfter = 30_000;
/** A storm's entries need not all be noted; milliseconds. */
const often = 1000;
/** How long a state is told that is over: Datadog would keep the last 1 where a single 0 is lost. */
const toldAfter = 300_000;

/** Which local containers are misplaced, by the recorder's word. */
export class Placements {
  readonly #known = new Map<string, Placement>();

  constructor(known: readonly Placement[] = []) {
    for (const one of known) this.#known.set(keyOf(one), one);
  }

  /** An entry of the kind `misplaced`, stored at `at` (milliseconds). Whether it changed something. */
  set(
    { network, container, state, epoch }: Pick<Entry, "network" | "container" | "state" | "epoch">,
    at: number,
  ): boolean {
    const one: Placement = {
      network: network ?? "unknown",
      container: container ?? "unknown",
      on: state === "on",
      epoch,
      seen: at,
      sure: true,
    };
    const before = this.#known.get(keyOf(one));
    if (before === undefined && !one.on) return false;
    // One that is over is told for a while from its end on, not from its last repetition.
    if (before !== undefined && !before.on && !one.on) return false;
    this.#known.set(keyOf(one), one);
    return before?.on !== one.on;
  }

  /** A recorder showed life at `at` (milliseconds): what it said holds, if no word of it is missing. Another one starts anew. */
  alive(epoch: string, hole: boolean, at: number): void {
    for (const [key, one] of this.#known) {
      if (one.epoch !== epoch) this.#known.delete(key);
      else if (hole && one.on) this.#known.set(key, { ...one, sure: false });
      else if (one.on && one.sure && at - one.seen > often) this.#known.set(key, { ...one, seen: at });
    }
  }

  /** 1 for each that is misplaced, 0 for each that was until lately. */
  samples(now: number): readonly Sample[] {
    this.#forget(now);
    return Array.from(this.#known.values(), (one) => ({
      name: "fdb.misplaced",
      type: "gauge",
      value: one.on ? 1 : 0,
      tags: tagsOf(one),
    }));
  }

  #forget(now: number): void {
    for (const [key, { on, seen }] of this.#known)
      if (now - seen > (on ? forgottenAfter : toldAfter)) this.#known.delete(key);
  }

  all(): readonly Placement[] {
    return [...this.#known.values()];
  }
}

const keyOf = ({ network, container }: Placement): string => JSON.stringify([network, container]);

const tagsOf = ({ network, container }: Placement): Tags => ({ docker_network: network, container_name: container });
