import type { Endpoint } from "../endpoints.ts";
import type { FdbRow } from "../fdb.ts";
import type { Link } from "../links.ts";
import type { Neighbour } from "../neighbours.ts";
import type { NamespaceInput } from "./input.ts";

/** One subnet of a network: a vxlan device, and the bridge that it is a port of. A namespace holds several. */
export interface Subnet {
  readonly vxlan: Link;
  readonly bridge?: string;
}

/** A namespace's tables, by what is asked of them. */
export interface View {
  readonly input: NamespaceInput;
  readonly subnets: readonly Subnet[];
  readonly links: ReadonlyMap<string, Link>;
  /** More than one where Docker gives a MAC, or an address, twice. */
  readonly byMac: ReadonlyMap<string, readonly Endpoint[]>;
  readonly byIp: ReadonlyMap<string, readonly Endpoint[]>;
  readonly bridgeRows: ReadonlyMap<string, readonly FdbRow[]>;
  readonly selfRows: ReadonlyMap<string, readonly FdbRow[]>;
  /** What the vxlan devices answer for: by address and by MAC. */
  readonly answered: ReadonlyMap<string, readonly Neighbour[]>;
}

export function viewOf(input: NamespaceInput): View {
  const { links, fdb, neighbours } = input.tables;
  const byName = new Map(links.map((link) => [link.name, link]));
  const endpoints = input.endpoints ?? [];
  const isVxlan = (device: string): boolean => byName.get(device)?.kind === "vxlan";
  return {
    input,
    links: byName,
    subnets: links.filter(({ kind }) => kind === "vxlan").map(subnetOf),
    byMac: grouped(endpoints, ({ mac }) => [mac]),
    byIp: grouped(endpoints, addressesOf),
    bridgeRows: grouped(
      fdb.filter((row) => row.master !== undefined && !row.flags.includes("self")),
      ({ mac }) => [mac],
    ),
    selfRows: grouped(
      fdb.filter(({ flags, ifname }) => flags.includes("self") && isVxlan(ifname)),
      ({ mac }) => [mac],
    ),
    answered: grouped(
      neighbours.filter(({ dev }) => isVxlan(dev)),
      ({ ip, mac }) => (mac === undefined ? [ip] : [ip, mac]),
    ),
  };
}

function subnetOf(vxlan: Link): Subnet {
  return vxlan.master === undefined ? { vxlan } : { vxlan, bridge: vxlan.master.name };
}

/**
 * The rows that say where a bridge sends a MAC. Engines before 17.06 leave the bridge's default VLAN, so that static rows
 * exist twice, plain and with `vlan 1`; without VLAN filtering, which Docker never switches on, only the plain one counts.
 */
export function decidingRows({ bridgeRows }: View, mac: string): readonly FdbRow[] {
  const rows = bridgeRows.get(mac) ?? [];
  const plain = rows.filter(({ vlan }) => vlan === undefined);
  return plain.length > 0 ? plain : rows;
}

/** Of two rows of one MAC, the one that counts. */
export function decidingRow(one: FdbRow | undefined, other: FdbRow): FdbRow {
  return one === undefined || (one.vlan !== undefined && other.vlan === undefined) ? other : one;
}

export function rowsOnVxlan(view: View, mac: string): readonly FdbRow[] {
  return decidingRows(view, mac).filter(({ ifname }) => view.links.get(ifname)?.kind === "vxlan");
}

/** The subnet that an endpoint's port belongs to; missing where the port is not known, or in none. */
export function subnetOfEndpoint(view: View, { veth }: Endpoint): Subnet | undefined {
  const port = veth === undefined ? undefined : view.links.get(veth.name);
  const bridge = port?.master?.name;
  return bridge === undefined ? undefined : view.subnets.find((subnet) => subnet.bridge === bridge);
}

/** Kept in place by a row that learning can not move. */
export function isPinned(view: View, { mac, veth }: Endpoint): boolean {
  const rows = decidingRows(view, mac);
  return rows.length > 0 && rows.every(({ flags, ifname }) => flags.includes("sticky") && ifname === veth?.name);
}

/** A MAC of a device inside itself: dockerd's own business, and the bridge's. */
export function isOwnMac({ input }: View, mac: string): boolean {
  return input.tables.links.some((link) => link.mac === mac);
}

/** The lowest bit of the first byte is the group bit: multicast, or broadcast. */
export function isUnicast(mac: string): boolean {
  return Number.parseInt(mac.slice(0, 2), 16) % 2 === 0 && mac !== "00:00:00:00:00:00";
}

/** Docker's own for it; a load balancer has virtual ones too. None where Docker tells none. */
export function addressesOf({ ip, aliases = [] }: Endpoint): readonly string[] {
  return [ip, ...aliases].filter((address) => address !== "");
}

export function grouped<T>(
  items: readonly T[],
  keys: (item: T) => readonly string[],
): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    for (const key of keys(item)) {
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [item]);
      else group.push(item);
    }
  }
  return groups;
}
