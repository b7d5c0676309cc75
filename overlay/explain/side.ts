import { decidingRows, type View, viewOf } from "../diagnose/view.ts";
import type { FdbRow } from "../fdb.ts";
import type { Link } from "../links.ts";
import type { HostTables, InsideDevice, Member, NetworkTables, Sampled, Space } from "./tables.ts";

/** One end of the way, with its host's tables at hand. */
export interface Side {
  readonly host: HostTables;
  readonly network: NetworkTables;
  readonly member: Member;
  readonly space: Space;
  readonly view: View;
  /** Its veth, where that is certain. */
  readonly veth?: Link;
  /** Bridge and vxlan device of its subnet. */
  readonly bridge?: string;
  readonly vxlan?: Link;
  /** The device in the container that holds the address, or the MAC where none holds it. */
  readonly device?: InsideDevice;
}

/** Undefined where this host's namespace of the network was not read. */
export function sideOf(host: HostTables, network: NetworkTables, member: Member): Side | undefined {
  const { space } = network;
  if (space === undefined) return undefined;
  const tables = { links: space.links, fdb: space.fdb, neighbours: space.neighbours, unreadable: 0 };
  const view = viewOf({ file: "", key: "", kind: "overlay", tables });
  const veth = member.veth === undefined ? undefined : view.links.get(member.veth);
  const subnet =
    view.subnets.find(({ bridge }) => bridge !== undefined && bridge === veth?.master?.name) ??
    (view.subnets.length === 1 ? view.subnets[0] : undefined);
  const device = deviceOf(member);
  return {
    host,
    network,
    member,
    space,
    view,
    ...(veth === undefined ? {} : { veth }),
    ...(subnet?.bridge === undefined ? {} : { bridge: subnet.bridge }),
    ...(subnet === undefined ? {} : { vxlan: subnet.vxlan }),
    ...(device === undefined ? {} : { device }),
  };
}

function deviceOf({ inside, ip, mac }: Member): InsideDevice | undefined {
  const devices = inside?.devices ?? [];
  return devices.find((one) => hasAddress(one, ip)) ?? devices.find((one) => one.mac === mac);
}

export const hasAddress = ({ addresses }: InsideDevice, ip: string): boolean =>
  addresses.some((address) => address.split("/", 1)[0] === ip);

/** The row that says where the bridge sends a MAC, and what kind of port that is. */
export function portOf({ view }: Side, mac: string): { readonly row: FdbRow; readonly link?: Link } | undefined {
  const [row] = decidingRows(view, mac);
  if (row === undefined) return undefined;
  const link = view.links.get(row.ifname);
  return { row, ...(link === undefined ? {} : { link }) };
}

export const sampledOf = ({ space }: Side, mac: string): Sampled | undefined =>
  space.sampled.find((one) => one.mac === mac);

export const mtuOf = ({ space }: Side, device: string): number | undefined =>
  space.mtus.find((one) => one.device === device)?.mtu;

/** Of several rows each leads somewhere: the kernel sends a copy to all. */
export const selfRowsOf = ({ view, vxlan }: Side, mac: string): readonly FdbRow[] =>
  (view.selfRows.get(mac) ?? []).filter(({ ifname }) => vxlan === undefined || ifname === vxlan.name);
