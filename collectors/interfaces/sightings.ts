interface Sighting {
  /** What `Growth` knows the interface by. */
  readonly member: string;
  readonly index: number | undefined;
}

interface Group {
  readonly before: ReadonlyMap<string, Sighting>;
  readonly now: Map<string, Sighting>;
}

/**
 * Which interface of the last cycle each one is. An index may be missing for a while (the kernel takes IPv4 off a
 * device whose MTU is below 68, and its line out of `/proc/net/igmp`): the interface is the old one all the same, and
 * would count all that it ever counted once more if it were taken for a new one.
 */
export class Sightings {
  #groups = new Map<string, Group>();

  /** `index` is undefined where it can not be read. `isNew`: its namespace was there in the last cycle, it was not. */
  see(group: string, name: string, index: number | undefined): { readonly member: string; readonly isNew: boolean } {
    const known = this.#groups.get(group) ?? { before: new Map<string, Sighting>(), now: new Map<string, Sighting>() };
    this.#groups.set(group, known);
    const last = known.before.get(name);
    const same = last !== undefined && (index === undefined || last.index === undefined || index === last.index);
    const member = same ? last.member : `${name}#${index ?? "?"}`;
    known.now.set(name, { member, index: index ?? (same ? last.index : undefined) });
    return { member, isNew: !same && known.before.size > 0 };
  }

  /** It is not told of yet: the next cycle sees it for the first time. */
  forget(group: string, name: string): void {
    this.#groups.get(group)?.now.delete(name);
  }

  /** Ends a cycle. */
  end(): void {
    const seen = [...this.#groups].filter(([, { now }]) => now.size > 0);
    this.#groups = new Map(seen.map(([id, { now }]) => [id, { before: now, now: new Map() }]));
  }
}
