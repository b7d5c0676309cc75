import { attribute, ip, ipv4, mac, number, payloads, type Span, text } from "./message.ts";
import { little } from "./request.ts";

/**
 * Rows in the form that iproute2 prints as JSON, with the fields that this program reads: so that one reader
 * understands both. Numbers are those of linux/rtnetlink.h, if_link.h, neighbour.h and if_addr.h.
 */
export type JsonRow = Readonly<Record<string, unknown>>;

/** Names of devices by index, as the same namespace told them at the same moment. */
export type Names = ReadonlyMap<number, string>;

const messages = { link: 16, address: 20, neighbour: 28 } as const;
/** struct ifinfomsg: family, type, then index at 4 and flags at 8. */
const ifinfo = { size: 16, index: 4, flags: 8 } as const;
const ifla = { address: 1, name: 3, mtu: 4, link: 5, master: 10, info: 18, stats64: 23, netnsid: 37 } as const;
const info = { kind: 1, data: 2, slaveData: 5 } as const;
const vxlan = { id: 1, local: 4, learning: 7, proxy: 11, l2miss: 13, l3miss: 14, port: 15 } as const;
const portLearning = 8;
const isUp = 1;

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength);

const behind = ({ at, end }: Span, size: number): Span => ({ at: at + size, end });

/** Names of devices by their index, from the messages of a dump of links. */
export function namesOf(links: Uint8Array): Names {
  const view = viewOf(links);
  const names = new Map<number, string>();
  for (const link of payloads(view, messages.link, ifinfo.size)) {
    const name = text(view, attribute(view, behind(link, ifinfo.size), ifla.name));
    if (name !== undefined) names.set(view.getInt32(link.at + ifinfo.index, little), name);
  }
  return names;
}

/** As `ip -d -s link show`. */
export function linkRows(links: Uint8Array, names: Names): readonly JsonRow[] {
  const view = viewOf(links);
  return [...payloads(view, messages.link, ifinfo.size)].map((link) => linkRow(view, link, names));
}

function linkRow(view: DataView, link: Span, names: Names): JsonRow {
  const attributes = behind(link, ifinfo.size);
  const of = (type: number) => attribute(view, attributes, type);
  const ifindex = view.getInt32(link.at + ifinfo.index, little);
  const [master, netnsid] = [number(view, of(ifla.master), 4), number(view, of(ifla.netnsid), 4)];
  // Signed: -1 is a namespace that has no number here (any more).
  const hasNumber = netnsid !== undefined && netnsid < 0x80_00_00_00;
  return {
    ifindex,
    ifname: names.get(ifindex),
    flags: (view.getUint32(link.at + ifinfo.flags, little) & isUp) === 0 ? [] : ["UP"],
    address: mac(view, of(ifla.address)),
    mtu: number(view, of(ifla.mtu), 4),
    master: master === undefined ? undefined : nameOf(names, master),
    // iproute2 gives the index only where the peer is in another namespace.
    link_index: netnsid === undefined ? undefined : number(view, of(ifla.link), 4),
    link_netnsid: hasNumber ? netnsid : undefined,
    linkinfo: linkInfo(view, of(ifla.info)),
    stats64: statistics(view, of(ifla.stats64)),
  };
}

function linkInfo(view: DataView, span: Span | undefined): JsonRow | undefined {
  if (span === undefined) return undefined;
  const kind = text(view, attribute(view, span, info.kind));
  const [data, slave] = [attribute(view, span, info.data), attribute(view, span, info.slaveData)];
  return {
    info_kind: kind,
    info_data: kind === "vxlan" && data !== undefined ? vxlanData(view, data) : undefined,
    info_slave_data: slave === undefined ? undefined : { learning: flag(view, attribute(view, slave, portLearning)) },
  };
}

function vxlanData(view: DataView, data: Span): JsonRow {
  const of = (type: number) => attribute(view, data, type);
  const port = of(vxlan.port);
  return {
    id: number(view, of(vxlan.id), 4),
    // In the network's order.
    port: port === undefined ? undefined : view.getUint16(port.at),
    local: ipv4(view, of(vxlan.local)),
    learning: flag(view, of(vxlan.learning)),
    proxy: flag(view, of(vxlan.proxy)),
    l2miss: flag(view, of(vxlan.l2miss)),
    l3miss: flag(view, of(vxlan.l3miss)),
  };
}

function flag(view: DataView, span: Span | undefined): boolean | undefined {
  const value = number(view, span, 1);
  return value === undefined ? undefined : value !== 0;
}

/** struct rtnl_link_stats64: eight counters of 64 bits first, received and sent in turn. */
function statistics(view: DataView, span: Span | undefined): JsonRow | undefined {
  if (span === undefined || span.at + 64 > span.end) return undefined;
  const at = (index: number) => Number(view.getBigUint64(span.at + 8 * index, little));
  return {
    rx: { bytes: at(2), packets: at(0), errors: at(4), dropped: at(6) },
    tx: { bytes: at(3), packets: at(1), errors: at(5), dropped: at(7) },
  };
}

/** struct ndmsg: family, padding, then index at 4, state at 8, flags at 10. */
const nd = { size: 12, index: 4, state: 8, flags: 10 } as const;
const nda = { dst: 1, lladdr: 2, vlan: 5, master: 9, netnsid: 10, flagsExt: 15 } as const;

const fdbFlags = { self: 0x02, router: 0x80, extern_learn: 0x10, offload: 0x20, sticky: 0x40 } as const;
const extendedLocked = 0x02;
const bridgeFamily = 7;

/** As `bridge fdb show`, one at a time: a table may have 100 000 rows. */
export function* fdbRows(fdb: Uint8Array, names: Names): Generator<JsonRow, void, undefined> {
  const view = viewOf(fdb);
  for (const row of payloads(view, messages.neighbour, nd.size)) {
    if (view.getUint8(row.at) === bridgeFamily) yield fdbRow(view, row, names);
  }
}

function fdbRow(view: DataView, row: Span, names: Names): JsonRow {
  const of = (type: number) => attribute(view, behind(row, nd.size), type);
  const flags = view.getUint8(row.at + nd.flags);
  const locked = ((number(view, of(nda.flagsExt), 4) ?? 0) & extendedLocked) !== 0;
  const master = number(view, of(nda.master), 4);
  return {
    mac: mac(view, of(nda.lladdr)),
    ifname: nameOf(names, view.getInt32(row.at + nd.index, little)),
    dst: ip(view, of(nda.dst)),
    vlan: number(view, of(nda.vlan), 2),
    linkNetNsId: number(view, of(nda.netnsid), 4),
    flags: [...namesOfBits(fdbFlags, flags), ...(locked ? ["locked"] : [])],
    master: master === undefined ? undefined : nameOf(names, master),
    state: fdbState(view.getUint16(row.at + nd.state, little)),
  };
}

const states = {
  INCOMPLETE: 0x01,
  REACHABLE: 0x02,
  STALE: 0x04,
  DELAY: 0x08,
  PROBE: 0x10,
  FAILED: 0x20,
  NOARP: 0x40,
  PERMANENT: 0x80,
} as const;

/** The first that holds, as iproute2's bridge/fdb.c asks. */
function fdbState(bits: number): string {
  if ((bits & states.PERMANENT) !== 0) return "permanent";
  if ((bits & states.NOARP) !== 0) return "static";
  if ((bits & states.STALE) !== 0) return "stale";
  return (bits & states.REACHABLE) !== 0 ? "" : `state=0x${bits.toString(16)}`;
}

const [proxyFlag, externLearnFlag] = [0x08, 0x10];

/** As `ip -4 neigh show`, which leaves out what is in no state, and NOARP. */
export function* neighbourRows(neighbours: Uint8Array, names: Names): Generator<JsonRow, void, undefined> {
  const view = viewOf(neighbours);
  for (const row of payloads(view, messages.neighbour, nd.size)) {
    const state = view.getUint16(row.at + nd.state, little);
    const shown = (state & 0xff & ~states.NOARP) !== 0;
    if (!shown && (view.getUint8(row.at + nd.flags) & (proxyFlag | externLearnFlag)) === 0) continue;
    const of = (type: number) => attribute(view, behind(row, nd.size), type);
    yield {
      dst: ipv4(view, of(nda.dst)),
      dev: nameOf(names, view.getInt32(row.at + nd.index, little)),
      lladdr: mac(view, of(nda.lladdr)),
      state: namesOfBits(states, state),
    };
  }
}

/** struct ifaddrmsg: family, prefix, flags, scope, then index at 4. */
const ifa = { size: 8, index: 4, local: 2 } as const;

/** As `ip addr show`, with the IPv4 addresses. */
export function deviceRows(links: Uint8Array, addresses: Uint8Array, names: Names): readonly JsonRow[] {
  const view = viewOf(addresses);
  const infos = new Map<number, JsonRow[]>();
  for (const row of payloads(view, messages.address, ifa.size)) {
    const index = view.getInt32(row.at + ifa.index, little);
    const local = ipv4(view, attribute(view, behind(row, ifa.size), ifa.local));
    infos.set(index, [...(infos.get(index) ?? []), { local }]);
  }
  return linkRows(links, names).map((row) => ({ ...row, addr_info: infos.get(Number(row["ifindex"])) ?? [] }));
}

function namesOfBits(table: Readonly<Record<string, number>>, bits: number): readonly string[] {
  return Object.keys(table).filter((name) => (bits & (table[name] ?? 0)) !== 0);
}

/** What iproute2 says of a device that it does not know. */
const nameOf = (names: Names, index: number): string => names.get(index) ?? `if${index}`;
