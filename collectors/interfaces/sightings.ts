interface Sighting {
  /** What `Growth` knows the interface by. */
  readonly member: string;
  /** Whether it appeared since the last cycle in a namespace that was there before. */
  readonly isNew: boolean;
}

interface Known extends Sighting {
  readonly index: number | undefined;
}

interface Group {
  readonly before: ReadonlyMap<string, Known>;
  readonly now: Map<string, Known>;
}

/**
 * Which interface of the last cycle each one is. An index may be missing for a while (the kernel takes IPv4 off a
 * device whose MTU is below 68, and its line out of `/proc/net/igmp`): the interface is the old one all the same, and
 * all that it ever counted would count once more if it were taken for a new one.
 */
export class Sightings {
  #groups = new Map<string, Group>();

  /** `index` is undefined where it can not be read. */
  see(group: string, name: string, index: number | undefined): Sighting {
    const { before, now } = this.#enter(group);
    const last = before.get(name);
    const same = last !== undefined && (index === undefined || last.index === undefined || index === last.index);
    const known: Known = same
      ? { member: last.member, isNew: false, index: index ?? last.index }
      : { member: `${name}#${index ?? "?"}`, isNew: before.size > 0, index };
    now.set(name, known);
    return known;
  }

  /** Ends a cycle. */
  end(): void {
    const seen = [...this.#groups].filter(([, { now }]) => now.size > 0);
    this.#groups = new Map(seen.map(([id, { now }]) => [id, { before: now, now: new Map() }]));
  }

  #enter(group: string): Group {
    const known = this.#groups.get(group) ?? { before: new Map<string, Known>(), now: new Map<string, Known>() };
    this.#groups.set(group, known);
    return known;
  }
}
