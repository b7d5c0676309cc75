import { printable } from "../../host/iproute2/error.ts";
import type { Link } from "../links.ts";
import type { Finding, FindingClass, FindingState } from "./finding.ts";
import type { DiagnoseInput, Filling, NamespaceInput } from "./input.ts";

const nobody = { ip: null, mac: null, container: null, device: null, automatic: false } as const;

/** Tables that all namespaces share, and vxlan devices that were left behind. */
export function hostFindings(input: DiagnoseInput): readonly Finding[] {
  const [neighbours, conntrack] = ["net.ipv4.neigh.default.gc_thresh3", "net.netfilter.nf_conntrack_max"];
  const raise = `overlaywatch cleanup --class neighbour-table-full, or raise ${neighbours}`;
  return [
    ...filled("neighbour-table-full", input.neighbours, { warn: 0.8, key: neighbours, remedy: raise }).map((one) =>
      asRefused(one, input.neighboursRefused),
    ),
    ...filled("conntrack-full", input.conntrack, { warn: 0.9, key: conntrack, remedy: `raise ${conntrack}` }),
    ...leftLinks(input),
  ];
}

/** In one that no network claims, the device keeps its identifier from the network that should have it (moby/libnetwork#1765). */
export function orphanNamespaceFindings({ file, kind, ambiguous, tables }: NamespaceInput): readonly Finding[] {
  if (kind !== "orphan" || ambiguous !== undefined) return [];
  const inside = tables.links.filter((link) => link.kind === "vxlan");
  const where = `in the namespace ${printable(file)}, which belongs to no network that Docker tells of`;
  return inside.map((link) => orphan(link, where, "restart the engine while no container of the network runs"));
}

/** Full from 99 %: a table at its limit swings around it. */
function filled(
  of: FindingClass,
  filling: Filling | undefined,
  { warn, key, remedy }: { readonly warn: number; readonly key: string; readonly remedy: string },
): readonly Finding[] {
  if (filling === undefined || filling.limit <= 0) return [];
  const { used, limit } = filling;
  if (used < limit * warn) return [];
  const state: FindingState = used >= limit * 0.99 ? "active" : "latent";
  return [
    {
      ...nobody,
      class: of,
      state,
      evidence: `${used} entries, ${key} = ${limit}`,
      remedy,
      why: "a limit of the host's memory is a person's decision",
    },
  ];
}

/** Permanent rows, which engines write, count and need no place: a full table alone harms nobody. */
function asRefused(finding: Finding, refused: number | undefined): Finding {
  if (refused === undefined) return finding;
  const evidence = `${finding.evidence}; ${refused} found no place within a second`;
  return { ...finding, evidence, state: refused > 0 ? finding.state : "latent" };
}

/** libnetwork makes the device as `vx-<VNI>-<network id>` in the host's namespace, then moves and renames it. */
function leftLinks({ hostLinks = [], hostLinksBefore }: DiagnoseInput): readonly Finding[] {
  const before = new Set((hostLinksBefore ?? []).map(({ ifindex, name }) => `${ifindex} ${name}`));
  return hostLinks
    .filter(({ kind, name }) => kind === "vxlan" && /^vx-[0-9a-f]{6}-[0-9a-z]{1,5}$/.test(name))
    .filter(({ ifindex, name }) => before.has(`${ifindex} ${name}`))
    .map((link) => orphan(link, "in the host's namespace", "overlaywatch cleanup --class orphan-vxlan-link"));
}

function orphan(link: Link, where: string, remedy: string): Finding {
  const vni = link.vxlan === undefined ? "" : ` vxlan id ${link.vxlan.vni}`;
  return {
    ...nobody,
    class: "orphan-vxlan-link",
    state: "latent",
    device: printable(link.name),
    evidence: `${link.ifindex}: ${printable(link.name)}:${vni} ${where}`,
    remedy,
    why: "a device is never deleted unattended",
  };
}
