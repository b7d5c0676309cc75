import { printable } from "../../emit/console/table.ts";
import { isLoop } from "../../overlay/diagnose/local.ts";
import type { Subnet, View } from "../../overlay/diagnose/view.ts";

/** A host behind the vxlan device, with the addresses that the rows give to it. */
export interface Peer {
  readonly text: string;
  /** Drawn as a fault. */
  readonly wrong: boolean;
}

interface Group {
  readonly loop: boolean;
  readonly names: string[];
  wrong: boolean;
}

const mostPeers = 8;
const mostAddresses = 3;

/** Remote VTEPs by the device's own rows; a row that leads back to this very host first. `lost` are MACs that are cut off now. */
export function peersOf(
  view: View,
  { vxlan }: Subnet,
  ownVteps: ReadonlySet<string>,
  lost: ReadonlySet<string>,
): readonly Peer[] {
  const groups = new Map<string, Group>();
  for (const row of view.input.tables.fdb) {
    if (row.ifname !== vxlan.name || !row.flags.includes("self") || row.dst === undefined) continue;
    const group = groups.get(row.dst) ?? { loop: isLoop(row, ownVteps), names: [], wrong: false };
    groups.set(row.dst, group);
    group.wrong ||= lost.has(row.mac);
    group.names.push(nameOf(view, row.mac, vxlan.name));
  }
  const sorted = [...groups].toSorted(([a, x], [b, y]) => Number(y.loop) - Number(x.loop) || a.localeCompare(b));
  const peers = sorted.slice(0, mostPeers).map(([dst, { loop, names, wrong }]): Peer => {
    const mark = wrong ? "✗ " : loop ? "~ " : "";
    return { text: `${mark}${printable(dst)}${loop ? ", this very host" : ""}: ${shortened(names)}`, wrong };
  });
  const left = sorted.length - peers.length;
  if (left > 0) return [...peers, { text: `and ${left} more hosts`, wrong: false }];
  return peers.length > 0 ? peers : [{ text: "no other host yet", wrong: false }];
}

/** A local container by name, another by its address, and by MAC where no neighbour row has it. */
function nameOf({ byMac, input }: View, mac: string, device: string): string {
  const [local] = byMac.get(mac) ?? [];
  if (local !== undefined) return printable(local.owner.name);
  return input.tables.neighbours.find((row) => row.dev === device && row.mac === mac)?.ip ?? mac;
}

function shortened(names: readonly string[]): string {
  const unique = [...new Set(names)].toSorted();
  const left = unique.length - mostAddresses;
  return left > 1 ? `${unique.slice(0, mostAddresses).join(", ")} and ${left} more` : unique.join(", ");
}
