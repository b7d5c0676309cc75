interface Known {
  readonly name: string;
  readonly index: number | undefined;
  /** What the growth of its counters is kept under. */
  readonly member: string;
}

/**
 * Which interface of the last cycle each one is. The index tells: names change hands, indexes are not given twice. But
 * an index may be missing for a while: the kernel lists no multicast group, and so no line in `/proc/net/igmp`, for a
 * device that is down, and takes IPv4 off one whose MTU is below 68. Then the name tells; an interface that was taken
 * for a new one would count once more all that it ever counted.
 */
export class Sightings {
  #before = new Map<string, readonly Known[]>();
  #now = new Map<string, Known[]>();

  /** The member of its namespace's group. `index` is undefined where it can not be read. */
  see(group: string, name: string, index: number | undefined): string {
    const before = this.#before.get(group) ?? [];
    const last = before.find((known) => isSame(known, name, index));
    const member = last?.member ?? `${name}#${index ?? "?"}`;
    const now = this.#now.get(group) ?? [];
    now.push({ name, index: index ?? last?.index, member });
    this.#now.set(group, now);
    return member;
  }

  /** Ends a cycle. */
  end(): void {
    this.#before = this.#now;
    this.#now = new Map();
  }
}

function isSame(known: Known, name: string, index: number | undefined): boolean {
  return index === undefined || known.index === undefined ? known.name === name : known.index === index;
}
