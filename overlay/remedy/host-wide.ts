import { type NeighbourLimitName, neighbourLimitNames, type NeighbourLimits } from "../../host/neighbour-limits.ts";
import type { Diagnosis, FindingClass } from "../diagnose/finding.ts";
import type { DiagnoseInput } from "../diagnose/input.ts";
import type { Link } from "../links.ts";
import type { Refusal } from "./gates.ts";

/** What is healed outside of any overlay's namespace: only by a person who asks for just that. */
export const hostWideClasses = ["neighbour-table-full", "orphan-vxlan-link"] as const satisfies readonly FindingClass[];
export type HostWideClass = (typeof hostWideClasses)[number];

/** Everything that may be done there: a limit goes up, and a device that libnetwork left goes. */
export type HostChange =
  | { readonly kind: "raise"; readonly name: NeighbourLimitName; readonly from: number; readonly to: number }
  | { readonly kind: "delete-link"; readonly name: string; readonly ifindex: number };

export interface HostFacts {
  readonly now: number;
  /** Undefined where this namespace does not show them. */
  readonly limits: NeighbourLimits | undefined;
  /** Bytes. */
  readonly memory: number | undefined;
  /** Undefined: Docker does not answer. */
  readonly dockerAsOf: number | undefined;
  readonly engineStartedAt: number | undefined;
}

export interface HostPlan {
  readonly changes: readonly HostChange[];
  readonly refused: readonly Refusal[];
}

/** What dockerd itself sets when it makes its first overlay, since 17.06 (libnetwork `ov_utils`, moby#33402's fix). */
const engineLimits: NeighbourLimits = { gc_thresh1: 8192, gc_thresh2: 49_152, gc_thresh3: 65_536 };
/** A full table of that size takes about 32 MiB; so much more is to be there that it does not matter. */
const memoryWanted = 512 * 2 ** 20;

/** Pure. No change and no refusal: there is nothing of that class. */
export function planHostWide(
  of: HostWideClass,
  { input, diagnosis }: { readonly input: DiagnoseInput; readonly diagnosis: Diagnosis },
  facts: HostFacts,
): HostPlan {
  if (!diagnosis.findings.some((one) => one.class === of)) return { changes: [], refused: [] };
  return of === "neighbour-table-full" ? raising(facts) : deleting(diagnosis, input, facts);
}

const refusal = (rule: string, sentence: string): HostPlan => ({ changes: [], refused: [{ rule, sentence }] });

function raising({ limits, memory }: HostFacts): HostPlan {
  if (limits === undefined) return refusal("access", "the limits are not shown in this network namespace");
  if (memory === undefined || memory < memoryWanted)
    return refusal(
      "memory",
      `${memory ?? "an unknown number of"} bytes of memory are free: ${memoryWanted} are wanted`,
    );
  const changes = neighbourLimitNames.flatMap((name): readonly HostChange[] => {
    const [from, to] = [limits[name], engineLimits[name]];
    return from < to ? [{ kind: "raise", name, from, to }] : [];
  });
  // The limit first: until it is up, the lower ones would be above it.
  if (changes.length > 0) return { changes: changes.toReversed(), refused: [] };
  return refusal("raise-only", "the limits are as high as the engine sets them: more is a person's decision");
}

function deleting({ findings }: Diagnosis, { hostLinks = [] }: DiagnoseInput, facts: HostFacts): HostPlan {
  const closed = unsettled(facts);
  if (closed !== undefined) return refusal("settled-engine", closed);
  const names = new Set(findings.filter((one) => one.class === "orphan-vxlan-link").map(({ device }) => device));
  const links = hostLinks.filter(({ name }) => names.has(name));
  return {
    changes: links.filter(isUnused).map(({ name, ifindex }) => ({ kind: "delete-link", name, ifindex })),
    refused: links
      .filter((link) => !isUnused(link))
      .map(({ name }) => ({ rule: "in-use", sentence: `${name} is up, or a port of a bridge: somebody uses it` })),
  };
}

/** A device of a join that goes on must not be taken from under it. */
function unsettled({ now, dockerAsOf, engineStartedAt }: HostFacts): string | undefined {
  if (dockerAsOf === undefined) return "Docker does not answer, so it is not known whether it is at work";
  if (engineStartedAt === undefined) return "it is not known since when the engine runs";
  const age = now - engineStartedAt;
  return age < 60_000 ? `the engine was started ${Math.round(age / 1000)} s ago; 60 s are waited` : undefined;
}

/** libnetwork moves it before it is set up or given to a bridge. */
export const isUnused = ({ up, master, name, kind }: Link): boolean =>
  kind === "vxlan" && !up && master === undefined && /^vx-[\da-f]{6}-[\da-z]{1,5}$/.test(name);

/** As a person would do it. */
export function hostCommand(change: HostChange): readonly string[] {
  return change.kind === "raise"
    ? ["sysctl", "-w", `net.ipv4.neigh.default.${change.name}=${change.to}`]
    : ["ip", "link", "del", "dev", change.name];
}

export function hostReason(change: HostChange): string {
  return change.kind === "raise"
    ? `the table of neighbours is nearly full at ${change.from}; gone at the next start of the machine`
    : "the engine can not make the device anew while it is here";
}
