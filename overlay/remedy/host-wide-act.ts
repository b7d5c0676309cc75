import type { NeighbourLimitName, NeighbourLimits } from "../../host/neighbour-limits.ts";
import { messageOf } from "../../host/thrown.ts";
import type { Link } from "../links.ts";
import { type HostChange, isUnused } from "./host-wide.ts";

/** All that acting does to the machine. */
export interface HostHands {
  readonly limits: () => NeighbourLimits;
  readonly setLimit: (name: NeighbourLimitName, value: number) => void;
  /** Vxlan devices of the host's own namespace. */
  readonly links: () => Promise<readonly Link[]>;
  /** What it complained of, empty if of nothing. */
  readonly deleteLink: (name: string) => Promise<string>;
  readonly pause: (ms: number) => Promise<void>;
}

export interface HostTreatment {
  readonly outcome: "cured" | "refused" | "undone" | "failed";
  /** What became of each. */
  readonly results: readonly string[];
  readonly notes: readonly string[];
}

/** A join takes far less: a device that is the same after so long belongs to none. */
export const linkAgeMs = 10_000;

/** Does what was planned, and looks after each. A limit that did not go up is put back; a device is looked at once more first. */
export async function actHostWide(changes: readonly HostChange[], hands: HostHands): Promise<HostTreatment> {
  const raises = changes.filter((one) => one.kind === "raise");
  return raises.length > 0 ? raise(raises, hands) : deleteAll(changes, hands);
}

type Raise = Extract<HostChange, { readonly kind: "raise" }>;

function raise(raises: readonly Raise[], hands: HostHands): HostTreatment {
  const complaints = set(
    raises.map(({ name, to }) => [name, to]),
    hands,
  );
  if (complaints.length === 0) return { outcome: "cured", results: raises.map(() => "done"), notes: [] };
  const left = set(
    raises.toReversed().map(({ name, from }) => [name, from]),
    hands,
  );
  const [outcome, result] = left.length === 0 ? (["undone", "undone"] as const) : (["failed", "not undone"] as const);
  return { outcome, results: raises.map(() => result), notes: [...complaints, ...left] };
}

/** Gives what could not be set, by what is read afterwards. */
export function set(
  wanted: readonly (readonly [name: NeighbourLimitName, value: number])[],
  hands: Pick<HostHands, "limits" | "setLimit">,
): readonly string[] {
  return wanted.flatMap(([name, value]) => {
    try {
      hands.setLimit(name, value);
    } catch (error) {
      return [messageOf(error)];
    }
    const is = hands.limits()[name];
    return is === value ? [] : [`${name} is ${is} after ${value} was written`];
  });
}

async function deleteAll(changes: readonly HostChange[], hands: HostHands): Promise<HostTreatment> {
  await hands.pause(linkAgeMs);
  const results: string[] = [];
  const notes: string[] = [];
  for (const change of changes) {
    if (change.kind !== "delete-link") continue;
    const said = await deleteOne(change, hands);
    results.push(said === undefined ? "done" : "not done");
    if (said !== undefined) notes.push(said);
  }
  const outcome = notes.length === 0 ? "cured" : results.includes("done") ? "failed" : "refused";
  return { outcome, results, notes };
}

async function deleteOne(
  { name, ifindex }: Extract<HostChange, { readonly kind: "delete-link" }>,
  hands: HostHands,
): Promise<string | undefined> {
  const isIt = (link: Link): boolean => link.name === name && link.ifindex === ifindex;
  if (!(await hands.links()).some((link) => isIt(link) && isUnused(link)))
    return `${name} went by itself, or is in use by now: it was let alone`;
  const said = await hands.deleteLink(name);
  return (await hands.links()).some(isIt) ? `${name} is still there: ${said}` : undefined;
}
