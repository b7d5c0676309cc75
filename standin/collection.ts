import type { JsonObject } from "./json.ts";

interface Version {
  readonly at: number;
  readonly value: JsonObject | undefined;
}

/** How far back a stale read can look, in milliseconds. */
const history = 60_000;

/** Objects of one kind, with what they were a moment ago: the true API's lists and reads lag behind its writes. */
export class Collection {
  readonly #versions = new Map<string, readonly Version[]>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** As it was at that time; Infinity is now. */
  get(key: string | number, at = Infinity): JsonObject | undefined {
    return this.#versions.get(String(key))?.findLast((version) => version.at <= at)?.value;
  }

  /** All that there were at that time, in the order of their creation. */
  values(at = Infinity): readonly JsonObject[] {
    return [...this.#versions.keys()].map((key) => this.get(key, at)).filter((value) => value !== undefined);
  }

  set(key: string | number, value: JsonObject | undefined): void {
    const now = this.#now();
    const before = this.#versions.get(String(key)) ?? [];
    const kept = before.filter((version, i) => version.at > now - history || i === before.length - 1);
    this.#versions.set(String(key), [...kept, { at: now, value }]);
  }
}
