import { countReads } from "../diagnose/activity.ts";
import type { Tables } from "../tables.ts";
import { isDone } from "./change.ts";
import type { Hands } from "./hands.ts";
import type { Action } from "./plan.ts";
import type { Probe } from "./probes.ts";

/** Loss between two containers, 0 to 1; null where it was not, or could not be, measured. */
export interface Measured {
  readonly from: string;
  readonly to: string;
  readonly before: number | null;
  readonly after: number | null;
  /** Why not. */
  readonly why?: string;
}

interface Verified {
  /** Undefined: it is cured. */
  readonly problem: string | undefined;
  readonly losses: readonly Measured[];
  /** What is worth knowing although it is cured. */
  readonly notes: readonly string[];
}

const readings = { count: 2, everyMs: 60 } as const;

type Loss = number | Error | undefined;

/** Rows first, then packets: nobody is made to ping into a loop that is still there. Tried twice before it is a failure. */
export async function verify(
  actions: readonly Action[],
  patients: readonly Pick<Action, "netns" | "mac" | "departed" | "remote">[],
  probes: readonly Probe[],
  before: readonly Loss[],
  hands: Hands,
): Promise<Verified> {
  const rows = async (): Promise<Rows> => rowsNow(actions, patients, hands);
  const first = await once(await rows(), probes, before, hands);
  if (first.problem === undefined) return first;
  await hands.pause(150);
  return once(await rows(), probes, before, hands);
}

async function once(rows: Rows, probes: readonly Probe[], before: readonly Loss[], hands: Hands): Promise<Verified> {
  // Between two that were cut off already nothing can get worse, and the figure says what did not help.
  const tried = rows.problem === undefined ? probes : probes.filter(({ alsoBefore }) => alsoBefore);
  const found = new Map((await hands.probe(tried)).map((loss, at) => [tried[at], loss]));
  const losses = probes.map((probe, at) => measured(probe, before[at], found.get(probe)));
  return { problem: rows.problem ?? losses.map(tooMuch).find((one) => one !== undefined), losses, notes: rows.notes };
}

interface Rows {
  readonly problem: string | undefined;
  readonly notes: readonly string[];
}

async function rowsNow(
  actions: readonly Action[],
  patients: readonly Pick<Action, "netns" | "mac" | "departed" | "remote">[],
  hands: Hands,
): Promise<Rows> {
  const found: Rows[] = [];
  for (const netns of new Set(patients.map((patient) => patient.netns))) {
    const here = actions.filter((action) => action.netns === netns);
    const local = patients.filter((patient) => patient.netns === netns && !isAway(patient));
    const macs = new Set(local.map(({ mac }) => mac));
    found.push(rowsIn(here, macs, await several(netns, hands)));
  }
  return {
    problem: found.find(({ problem }) => problem !== undefined)?.problem,
    notes: found.flatMap((one) => one.notes),
  };
}

async function several(netns: string, hands: Hands): Promise<readonly Tables[]> {
  const tables = [await hands.look(netns)];
  while (tables.length < readings.count) {
    await hands.pause(readings.everyMs);
    tables.push(await hands.look(netns));
  }
  return tables;
}

/** Its MAC may, or is to, be behind the vxlan port. */
const isAway = ({ departed, remote }: Pick<Action, "departed" | "remote">): boolean =>
  departed === true || remote === true;

function rowsIn(actions: readonly Action[], macs: ReadonlySet<string>, tables: readonly Tables[]): Rows {
  const last = tables.at(-1);
  if (last === undefined) return { problem: undefined, notes: [] };
  const undone = actions.filter(({ change }) => !isDone(change, last));
  // What is to last. Deleted rows may come again with the next ARP request, as on any healthy host of a classic engine.
  const lost = undone.find(({ change: { kind } }) => kind === "pin" || kind === "learning" || kind === "put-self-row");
  const reads = countReads(
    [...macs],
    last.links,
    tables.map(({ fdb }) => fdb),
  );
  const misplaced = [...reads].find(([, { reads: of, onVxlan }]) => onVxlan * 2 > of);
  const problem =
    lost === undefined
      ? misplaced && `${misplaced[0]} is on the vxlan port in ${misplaced[1].onVxlan} of ${misplaced[1].reads} reads`
      : `not there any more: ${lost.verify}`;
  // For who departed the engine is meant to write anew: where the container is now.
  const back = undone.filter(
    (action) => action !== lost && action.change.kind !== "drop-bridge-row" && action.departed !== true,
  );
  return {
    problem,
    notes: back.map(({ verify: gone }) => `came again, for the engine wrote it: ${gone.replace(": no ", ": ")}`),
  };
}

function measured({ from, to }: Probe, before: Loss, after: Loss): Measured {
  const number = (loss: Loss): number | null => (typeof loss === "number" ? loss : null);
  const why = after instanceof Error ? { why: after.message } : {};
  return { from, to, before: number(before), after: number(after), ...why };
}

const tooMuch = ({ from, to, before, after }: Measured): string | undefined => {
  if (after === null || after === 0) return undefined;
  const was = before === null ? "" : `, and ${percent(before)} before`;
  return `${percent(after)} of the pings from ${from} to ${to} are lost${was}`;
};

const percent = (share: number): string => `${Math.round(share * 100)} %`;
