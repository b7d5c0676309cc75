import { given, inside, macOf, parseRows, readRows, type Row, type Table, textOf, textsOf, wholeOf } from "./rows.ts";

export type LinkKind = "bridge" | "vxlan" | "veth" | "other";

/** One network device of a namespace. */
export interface Link {
  readonly ifindex: number;
  readonly name: string;
  /** By what the kernel says it is: names differ between engines (`vxlan1` up to 17.03). */
  readonly kind: LinkKind;
  readonly mac?: string;
  /** Name and, where it is in the same table, index of the bridge that it is a port of. */
  readonly master?: { readonly name: string; readonly ifindex?: number };
  /** IFLA_LINK: for a veth the index of its peer, in the peer's own namespace. */
  readonly linkIndex?: number;
  /** This namespace's number for the peer's namespace. */
  readonly linkNetnsid?: number;
  /** Administratively: IFF_UP. */
  readonly up: boolean;
  /** Bytes of a packet of IP. */
  readonly mtu?: number;
  readonly vxlan?: Vxlan;
  /** Whether the bridge learns MACs on this port; undefined where it is no port. */
  readonly portLearning?: boolean;
  /** Where they were asked for. */
  readonly traffic?: Traffic;
}

/** The device's cumulative counters; errors do not include drops. */
export interface Traffic {
  readonly rcvd: Counters;
  readonly sent: Counters;
}

export interface Counters {
  readonly bytes: number;
  readonly packets: number;
  readonly errors: number;
  readonly drops: number;
}

export interface Vxlan {
  readonly vni: number;
  /** UDP. */
  readonly port?: number;
  /** Source address of what it sends, where one is fixed. */
  readonly local?: string;
  readonly learning: boolean;
  readonly proxy: boolean;
  readonly l2miss: boolean;
  readonly l3miss: boolean;
}

const linksCommand = "ip -j -d link show";

/** Throws `UnreadableTable` where it is no JSON list. */
export function parseLinks(text: string): Table<Link> {
  return readLinks(parseRows(text, linksCommand));
}

/** From rows as `ip -d link show` prints them. */
export function readLinks(values: Iterable<unknown>): Table<Link> {
  const { rows, unreadable } = readRows(values, readLink);
  const indexes = new Map(rows.map((link) => [link.name, link.ifindex]));
  return { rows: rows.map((link) => withMaster(link, indexes)), unreadable };
}

function withMaster(link: Link, indexes: ReadonlyMap<string, number>): Link {
  const { master } = link;
  return master === undefined
    ? link
    : { ...link, master: { ...master, ...given("ifindex", indexes.get(master.name)) } };
}

function readLink(row: Row): Link | undefined {
  const ifindex = wholeOf(row["ifindex"]);
  const name = textOf(row["ifname"]);
  if (ifindex === undefined || name === undefined) return undefined;
  const master = textOf(row["master"]);
  const learning = inside(row, "linkinfo", "info_slave_data")["learning"];
  return {
    ifindex,
    name,
    kind: kindOf(inside(row, "linkinfo")["info_kind"]),
    ...given("mac", macOf(row["address"])),
    ...given("master", master === undefined ? undefined : { name: master }),
    ...given("linkIndex", wholeOf(row["link_index"])),
    ...given("linkNetnsid", wholeOf(row["link_netnsid"])),
    up: textsOf(row["flags"]).includes("UP"),
    ...given("mtu", wholeOf(row["mtu"])),
    ...given("vxlan", readVxlan(row)),
    ...given("portLearning", typeof learning === "boolean" ? learning : undefined),
    ...given("traffic", readTraffic(row)),
  };
}

/** Printed with `-s`. */
function readTraffic(row: Row): Traffic | undefined {
  const rcvd = readCounters(inside(row, "stats64", "rx"));
  const sent = readCounters(inside(row, "stats64", "tx"));
  return rcvd === undefined || sent === undefined ? undefined : { rcvd, sent };
}

function readCounters(row: Row): Counters | undefined {
  const [bytes, packets] = [wholeOf(row["bytes"]), wholeOf(row["packets"])];
  const [errors, drops] = [wholeOf(row["errors"]), wholeOf(row["dropped"])];
  if (bytes === undefined || packets === undefined || errors === undefined || drops === undefined) return undefined;
  return { bytes, packets, errors, drops };
}

function kindOf(value: unknown): LinkKind {
  return value === "bridge" || value === "vxlan" || value === "veth" ? value : "other";
}

function readVxlan(row: Row): Vxlan | undefined {
  const data = inside(row, "linkinfo", "info_data");
  const vni = wholeOf(data["id"]);
  if (kindOf(inside(row, "linkinfo")["info_kind"]) !== "vxlan" || vni === undefined) return undefined;
  return {
    vni,
    ...given("port", wholeOf(data["port"])),
    ...given("local", textOf(data["local"])),
    learning: data["learning"] === true,
    proxy: data["proxy"] === true,
    l2miss: data["l2miss"] === true,
    l3miss: data["l3miss"] === true,
  };
}
