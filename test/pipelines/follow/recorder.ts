import { randomBytes } from "node:crypto";
import type { Entry } from "../../../pipelines/entry.ts";

export const newEpoch = (): string => randomBytes(16).toString("hex");

/** What a recorder would write: numbers its entries, and keeps the total. */
export class MadeUpRecorder {
  readonly epoch = newEpoch();
  #seq = 0;
  #total = 0;

  get total(): number {
    return this.#total;
  }

  entry(kind: Entry["kind"], more: Partial<Entry> = {}): Entry {
    this.#seq += 1;
    if (kind === "event") this.#total += more.count ?? 1;
    return {
      kind,
      host: "h",
      epoch: this.epoch,
      seq: this.#seq,
      total: this.#total,
      message: `${kind} ${this.#seq}`,
      ...more,
    };
  }

  event(more: Partial<Entry> = {}): Entry {
    return this.entry("event", { network: "net1", object: "fdb", action: "new", count: 1, ...more });
  }

  events(count: number, more: Partial<Entry> = {}): readonly Entry[] {
    return Array.from({ length: count }, () => this.event(more));
  }
}
