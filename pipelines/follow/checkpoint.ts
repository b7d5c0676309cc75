import { z } from "zod";
import type { Sample } from "../../emit/sample.ts";
import { pipelineMetrics } from "../metrics.ts";
import type { Place } from "./command-line.ts";
import { aged, type Counts, Pending, type PendingState } from "./pending.ts";
import { Book, type Cell, type CountName } from "./series.ts";
import type { TallyState } from "./tally.ts";

const version = 1;

const isCount = (name: string): name is CountName =>
  Object.hasOwn(pipelineMetrics, name) &&
  Object.entries(pipelineMetrics).some(([n, m]) => n === name && m.type === "count");

const whole = z.int().min(0);
const amount = z.number().min(0);
/** Number of a cell in `cells`, and its count. */
const counts = z.array(z.tuple([whole, whole]));
const name = z.string().refine(isCount, { error: "expected the name of a count" });

const schema = z.strictObject({
  version: z.literal(version),
  /** Milliseconds since the epoch. */
  written: amount,
  /** Of the machine's start: a mark from before it says nothing. */
  boot: z.string(),
  /** Of the last entry that is in here; none: reading begins at a time. */
  cursor: z.string().min(1).optional(),
  /** Microseconds since the epoch: how far the journal was read, for the case that the cursor is of no use. */
  read: amount,
  heartbeat: amount.optional(),
  epochs: z.array(z.strictObject({ epoch: z.string(), seq: whole, total: amount })).max(1000),
  placements: z.array(
    z.strictObject({
      network: z.string(),
      container: z.string(),
      on: z.boolean(),
      epoch: z.string(),
      seen: amount,
      sure: z.boolean(),
    }),
  ),
  cells: z.array(z.strictObject({ name, tags: z.record(z.string(), z.string()), total: whole, moved: amount })),
  live: counts,
  late: z.array(z.strictObject({ at: whole, counts })),
  closed: z.int(),
  /** A batch that was made ready to be sent: cell, count, time. */
  batch: z
    .strictObject({
      id: z.string().regex(/^[\da-f]{1,32}$/u),
      closed_before: z.int(),
      counts: z.array(z.tuple([whole, whole, whole.nullable()])),
    })
    .optional(),
});

type Written = z.output<typeof schema>;

/** A batch on its way: the samples are in no other part of the state. */
export interface Batch {
  readonly id: string;
  readonly samples: readonly Sample[];
  /** `closed` of what is pending before the batch was taken. */
  readonly closedBefore: number;
}

export interface Snapshot {
  readonly place: Place;
  readonly tally: TallyState;
  readonly batch?: Batch;
}

export interface CheckpointContext {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** `/proc/sys/kernel/random/boot_id`. */
  readonly boot: string;
}

/** The checkpoint as text; the counts of `snapshot` are of cells in `book`. */
export function checkpointText(book: Book, snapshot: Snapshot, { now, boot }: CheckpointContext): string {
  const numbers = new Map<Cell, number>();
  const cells = [...book.cells()].map((cell, number) => {
    numbers.set(cell, number);
    return cell;
  });
  const numbered = (of: Counts): [number, number][] => [...of].map(([cell, count]) => [numbers.get(cell) ?? 0, count]);
  const { epochs, placements, pending, heartbeat } = snapshot.tally;
  const written: Written = {
    version,
    written: now,
    boot,
    ...(snapshot.place.cursor !== undefined && { cursor: snapshot.place.cursor }),
    read: snapshot.place.read,
    ...(heartbeat !== undefined && { heartbeat }),
    epochs: [...epochs],
    placements: [...placements],
    cells: cells.map(({ name: of, tags, total, moved }) => ({ name: of, tags: { ...tags }, total, moved })),
    live: numbered(pending.live),
    late: Array.from(pending.late, ([at, of]) => ({ at, counts: numbered(of) })),
    closed: pending.closed,
    ...(snapshot.batch !== undefined && { batch: writtenBatch(book, snapshot.batch, numbers) }),
  };
  return `${JSON.stringify(written)}\n`;
}

function writtenBatch(book: Book, { id, closedBefore, samples }: Batch, numbers: ReadonlyMap<Cell, number>) {
  return {
    id,
    closed_before: closedBefore,
    counts: samples
      .filter(({ value }) => value > 0)
      .map((sample): [number, number, number | null] => [
        numbers.get(book.known(sample)) ?? 0,
        sample.value,
        sample.at ?? null,
      ]),
  };
}

/** What a checkpoint holds that can not be used. */
export class BadCheckpoint extends Error {
  override readonly name = "BadCheckpoint";
}

export interface Restored {
  readonly book: Book;
  readonly place: Place;
  readonly tally: TallyState;
  /** Netlink events in a batch of which it is not known whether it was sent; 0 without such a batch. */
  readonly ambiguous: number;
  /** Milliseconds since the epoch. */
  readonly written: number;
}

/**
 * Reads a checkpoint back. `mark` tells how far the batch in it got: `sent-ID`, or `sending-ID` where a crash came in
 * between: it is then not sent again, nothing is ever counted double. Throws `BadCheckpoint`.
 */
export function restore(text: string, mark: string | undefined, { now, boot }: CheckpointContext): Restored {
  const written = parse(text);
  const book = new Book();
  const cells = written.cells.map(({ name: of, tags, total, moved }) =>
    Object.assign(book.again(of, tags), { total, moved }),
  );
  const fate = fateOf(written, mark, boot);
  return {
    book,
    place: { read: written.read, ...(written.cursor !== undefined && { cursor: written.cursor }) },
    tally: {
      epochs: written.epochs,
      placements: written.placements,
      pending: aged(pendingOf(written, cells, fate === "unsent"), written.written, now),
      ...(written.heartbeat !== undefined && { heartbeat: written.heartbeat }),
    },
    ambiguous: fate === "ambiguous" ? eventsIn(written, cells) : 0,
    written: written.written,
  };
}

function parse(text: string): Written {
  const parsed = schema.safeParse(json(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new BadCheckpoint(`${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not a checkpoint"}`);
}

function json(text: string): unknown {
  if (text.trim() === "") throw new BadCheckpoint("it is empty");
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch (cause) {
    throw new BadCheckpoint("it is torn: no JSON", { cause });
  }
  if (typeof found === "object" && found !== null && "version" in found && found.version !== version)
    throw new BadCheckpoint(`it is of version ${String(found.version).slice(0, 20)}, this program reads ${version}`);
  return found;
}

type Fate = "none" | "sent" | "unsent" | "ambiguous";

function fateOf({ batch, boot: writtenAt }: Written, mark: string | undefined, boot: string): Fate {
  if (batch === undefined) return "none";
  if (mark === `sent-${batch.id}`) return "sent";
  // Marks are not written through: after a crash of the machine a missing one says nothing.
  return mark === `sending-${batch.id}` || writtenAt !== boot ? "ambiguous" : "unsent";
}

function pendingOf({ live, late, closed, batch }: Written, cells: readonly Cell[], unsent: boolean): PendingState {
  const state: PendingState = {
    live: countsOf(live, cells),
    late: new Map(late.map(({ at, counts: of }) => [at, countsOf(of, cells)])),
    closed,
  };
  if (!unsent || batch === undefined) return state;
  const pending = new Pending(state);
  pending.putBack(
    batch.counts.map(([number, count, at]) => [cellAt(cells, number), count, at ?? undefined] as const),
    batch.closed_before,
  );
  return pending.state();
}

function countsOf(of: Written["live"], cells: readonly Cell[]): Counts {
  return new Map(of.map(([number, count]) => [cellAt(cells, number), count]));
}

function cellAt(cells: readonly Cell[], number: number): Cell {
  const cell = cells[number];
  if (cell === undefined) throw new BadCheckpoint(`it counts for series ${number} and has ${cells.length}`);
  return cell;
}

function eventsIn({ batch }: Written, cells: readonly Cell[]): number {
  return (batch?.counts ?? []).reduce(
    (sum, [number, count]) => sum + (cellAt(cells, number).name === "netlink.events" ? count : 0),
    0,
  );
}
