import type { NamesOf } from "../../emit/metric.ts";
import type { Sample, Tags } from "../../emit/sample.ts";
import type { pipelineMetrics } from "../metrics.ts";

export type CountName = NamesOf<typeof pipelineMetrics, "count">;

/** One series of a count: the object is its identity as long as the follower runs. */
export interface Cell {
  readonly name: CountName;
  readonly tags: Tags;
  /** All that was ever counted, sent or not. */
  total: number;
  /** When it last grew, in milliseconds since the epoch. */
  moved: number;
}

/** What `Book` needs to find a cell: the values of its tags, in their order, with free text last: no two sets have one key. */
interface Maker {
  readonly name: CountName;
  readonly key: string;
  readonly tags: () => Tags;
}

/** A day: Datadog bills by the hour, and nobody asks for the total of a network that is no more. */
const forgetAfter = 86_400_000;

/** The series that are known. */
export class Book {
  readonly #cells = new Map<string, Cell>();

  cell({ name, key, tags }: Maker): Cell {
    const id = `${name}|${key}`;
    const known = this.#cells.get(id);
    if (known !== undefined) return known;
    const made: Cell = { name, tags: tags(), total: 0, moved: 0 };
    this.#cells.set(id, made);
    return made;
  }

  /** The cell of a series that was written down. */
  again(name: CountName, tags: Tags): Cell {
    return this.cell({ name, key: keyOf(tags), tags: () => tags });
  }

  /** The cell of a sample that was made of it. */
  known({ name, tags }: Pick<Sample, "name" | "tags">): Cell {
    const cell = this.#cells.get(`${name}|${keyOf(tags)}`);
    if (cell === undefined) throw new Error(`no series of ${name} was ever counted with these tags`);
    return cell;
  }

  cells(): Iterable<Cell> {
    return this.#cells.values();
  }

  /** At `now`, in milliseconds since the epoch. */
  forget(now: number): void {
    for (const [id, { moved }] of this.#cells) if (now - moved > forgetAfter) this.#cells.delete(id);
  }
}

const keyOf = (tags: Tags): string => Object.values(tags).join("|");

export const series = {
  events: (network: string, object: string, action: string): Maker => ({
    name: "netlink.events",
    key: `${object}|${action}|${network}`,
    tags: () => ({ object, action, docker_network: network }),
  }),
  lost: (cause: string, socket: string): Maker => ({
    name: "netlink.lost",
    key: `${cause}|${socket}`,
    tags: () => ({ cause, socket }),
  }),
  remedies: (strategy: string, outcome: string): Maker => ({
    name: "remedy.runs",
    key: `${strategy}|${outcome}`,
    tags: () => ({ strategy, outcome }),
  }),
  tagged: (name: CountName, tag: string, value: string): Maker => ({
    name,
    key: value,
    tags: () => ({ [tag]: value }),
  }),
  plain: (name: CountName): Maker => ({ name, key: "", tags: () => ({}) }),
} as const;
