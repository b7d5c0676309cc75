import type { EventAction, EventObject, RecorderSocket } from "../entry.ts";
import { detached, isMac } from "../mac.ts";

/** One line of `ip -o -ts monitor label ...`. */
export interface MonitorEvent {
  /** Microseconds since the epoch: when `ip` printed it, which is not quite when the kernel sent it. */
  readonly at: number;
  readonly object: EventObject;
  readonly action: EventAction;
  /** As this `ip` process calls the device; after a rename that is an old name (`interfaces.ts`). */
  readonly dev: string | undefined;
  /** Only LINK and ADDR lines carry it. */
  readonly ifindex: number | undefined;
  readonly mac: string | undefined;
  readonly ip: string | undefined;
  /** VTEP of a vxlan `self` row. */
  readonly dst: string | undefined;
  /** Of a NEIGH line: on the bridge a port's own address, or a row that never ages. */
  readonly permanent: boolean;
  /** On the bridge `static`: set by hand. */
  readonly noarp: boolean;
  readonly link: LinkLine | undefined;
}

export interface LinkLine {
  readonly ifindex: number;
  /** The name now. */
  readonly name: string;
  /** After the `@`: a name, `ifN`, or `NONE`. */
  readonly peer: string | undefined;
  readonly master: string | undefined;
  /** The device is gone from this namespace, also when it moved to another one. */
  readonly removed: boolean;
}

/** Longer ones are no `ip` lines: the longest, a route with many next hops, stays far below. */
const longest = 64 * 1024;

/** `[2026-11-22T08:02:55.` and `[2026-11-22T08:02:55.082412] `, of fixed width (print_timestamp of iproute2, -ts). */
const secondWidth = 21;
const stampWidth = 29;

/**
 * A parser of the lines of one `ip` process, which prints in UTC (`TZ=UTC`). It gives undefined for what is no line of
 * an object that it knows, a torn one too, and never throws. An ARP row and a vxlan `self` row print alike: only the
 * socket tells them apart.
 */
export function monitorParser(socket: RecorderSocket): (line: string) => MonitorEvent | undefined {
  const timeOf = stampReader();
  const neighbour = socket === "bridge" ? bridgeRow : arpRow;
  return (line) => {
    const at = timeOf(line);
    if (at === undefined || line.length > longest) return undefined;
    // The commonest first: a storm is made of these.
    if (line.startsWith("[NEIGH]", stampWidth)) return neighbourLine(line, at, neighbour);
    if (line.startsWith("[LINK]", stampWidth)) return linkLine(line, at);
    if (line.startsWith("[ADDR]", stampWidth)) return addressLine(line, at);
    if (line.startsWith("[ROUTE]", stampWidth)) return routeLine(line, at);
    return undefined;
  };
}

/** A second is parsed once: in a storm thousands of lines share it. */
function stampReader(): (line: string) => number | undefined {
  let text = "none yet";
  let second = Number.NaN;
  return (line) => {
    if (!line.startsWith(text)) {
      const [found, date] = /^\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\./u.exec(line) ?? [];
      if (found === undefined) return undefined;
      text = detached(found);
      second = Date.parse(`${date}Z`) * 1000;
    }
    const at = second + microseconds(line);
    return Number.isNaN(at) ? undefined : at;
  };
}

const [zero, nine, closing, blank] = [0x30, 0x39, 0x5d, 0x20];

function microseconds(line: string): number {
  if (line.charCodeAt(stampWidth - 2) !== closing || line.charCodeAt(stampWidth - 1) !== blank) return Number.NaN;
  let value = 0;
  for (let n = secondWidth; n < stampWidth - 2; n++) {
    const code = line.charCodeAt(n);
    if (code < zero || code > nine) return Number.NaN;
    value = value * 10 + code - zero;
  }
  return value;
}

/** All with the same properties in the same order: one hidden class, which is what makes the caller fast. */
type Fields = Partial<Omit<MonitorEvent, "at" | "object" | "action">>;

function event(at: number, object: EventObject, action: EventAction, fields: Fields): MonitorEvent {
  const { dev, ifindex, mac, ip, dst, permanent = false, noarp = false, link } = fields;
  return { at, object, action, dev, ifindex, mac, ip, dst, permanent, noarp, link };
}

type Row = (
  at: number,
  action: EventAction,
  address: string | undefined,
  dev: string,
  mac: string | undefined,
  permanent: boolean,
  noarp: boolean,
) => MonitorEvent;

const bridgeRow: Row = (at, action, dst, dev, mac, permanent, noarp) => ({
  at,
  object: "fdb",
  action,
  dev,
  ifindex: undefined,
  mac,
  ip: undefined,
  dst,
  permanent,
  noarp,
  link: undefined,
});

const arpRow: Row = (at, action, ip, dev, mac, permanent, noarp) => ({
  at,
  object: "neigh",
  action,
  dev,
  ifindex: undefined,
  mac,
  ip,
  dst: undefined,
  permanent,
  noarp,
  link: undefined,
});

const afterLabel = stampWidth + "[NEIGH]".length;

/** `["Deleted "|"miss "] [ADDRESS " "] "dev " NAME " " ["lladdr " MAC " "] flags and states`. */
function neighbourLine(line: string, at: number, row: Row): MonitorEvent | undefined {
  let from = afterLabel;
  let action: EventAction = "new";
  if (line.startsWith("Deleted ", from)) [action, from] = ["del", from + 8];
  else if (line.startsWith("miss ", from)) [action, from] = ["miss", from + 5];
  let address: string | undefined;
  if (!line.startsWith("dev ", from)) {
    const end = line.indexOf(" dev ", from);
    if (end === -1) return undefined;
    address = line.slice(from, end);
    if (!isAddress(address)) return undefined;
    from = end + 1;
  }
  return neighbourRest(line, from + 4, (dev, mac, permanent, noarp) =>
    row(at, action, address, dev, mac, permanent, noarp),
  );
}

type RestRow = (dev: string, mac: string | undefined, permanent: boolean, noarp: boolean) => MonitorEvent;

function neighbourRest(line: string, from: number, row: RestRow): MonitorEvent | undefined {
  const devEnd = line.indexOf(" ", from);
  if (devEnd <= from) return undefined;
  const dev = line.slice(from, devEnd);
  let tail = devEnd + 1;
  let mac: string | undefined;
  if (line.startsWith("lladdr ", tail)) {
    const end = line.indexOf(" ", tail + 7);
    if (end === -1) return undefined;
    mac = line.slice(tail + 7, end);
    // A tunnel's is an address, InfiniBand's has 20 bytes: no MAC, but an event.
    if (!isMac(mac)) mac = undefined;
    tail = end + 1;
  }
  if (line.length === tail + 10 && line.endsWith("REACHABLE ")) return row(dev, mac, false, false);
  return row(dev, mac, line.includes("PERMANENT", tail), line.includes("NOARP", tail));
}

function isAddress(text: string): boolean {
  return text.length <= 64 && /^[\da-f.:]+$/iu.test(text);
}

/** Index, name and what follows the name of `["Deleted "] INDEX ": " NAME ...`. */
interface Head {
  readonly deleted: boolean;
  readonly ifindex: number;
  readonly rest: string;
}

function headOf(line: string): Head | undefined {
  const body = line.slice(stampWidth + "[LINK]".length);
  const deleted = body.startsWith("Deleted ");
  const from = deleted ? 8 : 0;
  const colon = body.indexOf(": ", from);
  const ifindex = indexIn(body.slice(from, colon));
  return colon === -1 || ifindex === undefined ? undefined : { deleted, ifindex, rest: body.slice(colon + 2) };
}

function indexIn(text: string): number | undefined {
  return /^\d{1,10}$/u.test(text) ? Number(text) : undefined;
}

function linkLine(line: string, at: number): MonitorEvent | undefined {
  const head = headOf(line);
  // A device's name has no colon, blank or slash (dev_valid_name); anything else it may have.
  const end = head?.rest.indexOf(": <") ?? -1;
  if (head === undefined || end < 1) return undefined;
  const { ifindex, deleted, rest } = head;
  const [name, peer] = split(rest.slice(0, end));
  const words = wordsAfter(rest, end);
  // RTM_DELLINK of AF_BRIDGE: the port left the bridge, and the device lives.
  const removed = deleted && !(words.has("master") && !words.has("qdisc") && !words.has("group"));
  const link = { ifindex, name, peer, master: words.get("master"), removed };
  return event(at, "link", removed ? "del" : "new", { dev: name, ifindex, link });
}

function split(name: string): readonly [string, string | undefined] {
  const at = name.lastIndexOf("@");
  return at < 1 ? [name, undefined] : [name.slice(0, at), name.slice(at + 1)];
}

const linkWords: ReadonlySet<string> = new Set(["mtu", "qdisc", "master", "state", "mode", "group", "qlen"]);

/** The words of a LINK line between its flags and its address, each with its value. */
function wordsAfter(rest: string, end: number): ReadonlyMap<string, string> {
  const [words = ""] = rest.slice(end).split(/> ?/u, 2).slice(1);
  const [line = ""] = words.split("\\ ", 1);
  const tokens = line.split(" ");
  const found = new Map<string, string>();
  for (let n = 0; n + 1 < tokens.length; n++) {
    const [word = "", value = ""] = [tokens[n], tokens[n + 1]];
    // By place: a bridge may be called `group`.
    if (linkWords.has(word)) found.set(word, value);
    if (linkWords.has(word)) n++;
  }
  return found;
}

/** `["Deleted "] INDEX ": " NAME "    inet " ADDRESS ...`. */
function addressLine(line: string, at: number): MonitorEvent | undefined {
  const head = headOf(line);
  const [, dev, address = ""] = /^(\S+) +inet6? (\S+)/u.exec(head?.rest ?? "") ?? [];
  if (head === undefined || dev === undefined) return undefined;
  const [ip = ""] = address.split("/", 1);
  if (!isAddress(ip)) return undefined;
  return event(at, "addr", head.deleted ? "del" : "new", { dev, ifindex: head.ifindex, ip });
}

const routeTypes: ReadonlySet<string> = new Set(
  "unicast local broadcast multicast blackhole unreachable prohibit throw anycast nat".split(" "),
);

function isPrefix(text: string): boolean {
  const [address = ""] = text.split("/", 1);
  return text === "default" || isAddress(address);
}

/** `["Deleted "] [TYPE " "] PREFIX " " ... ["dev " NAME " "] ...`. The prefix stands in `ip`. */
function routeLine(line: string, at: number): MonitorEvent | undefined {
  const body = line.slice(stampWidth + "[ROUTE]".length);
  const deleted = body.startsWith("Deleted ");
  const [first = ""] = body.slice(deleted ? 8 : 0).split("\\", 1);
  const tokens = first.split(" ");
  if (routeTypes.has(tokens[0] ?? "")) tokens.shift();
  const [prefix = ""] = tokens;
  if (!isPrefix(prefix)) return undefined;
  const place = tokens.indexOf("dev", 1);
  const dev = place === -1 ? undefined : tokens[place + 1];
  return event(at, "route", deleted ? "del" : "new", { dev, ip: prefix });
}
