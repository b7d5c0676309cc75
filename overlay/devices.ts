import { contains, parseConnectedRoutes, parseIpv4 } from "../host/ipv4.ts";
import { given, inside, macOf, parseRows, readRows, type Row, type Table, textOf, wholeOf } from "./rows.ts";

/** One network device on the inner side: in a container, or in the sandbox of a load balancer. */
export interface Device {
  readonly ifindex: number;
  readonly name: string;
  /** IFLA_LINK: the index of its peer in the peer's namespace. Not told by `/proc`. */
  readonly linkIndex?: number;
  readonly mac?: string;
  /** IPv4 addresses. */
  readonly ips?: readonly string[];
}

const devicesCommand = "ip -j addr show";

/** Throws `UnreadableTable` where it is no JSON list. */
export function parseDevices(text: string): Table<Device> {
  return readDevices(parseRows(text, devicesCommand));
}

/** From rows as `ip addr show` prints them. */
export function readDevices(values: Iterable<unknown>): Table<Device> {
  return readRows(values, readDevice);
}

function readDevice(row: Row): Device | undefined {
  const ifindex = wholeOf(row["ifindex"]);
  const name = textOf(row["ifname"]);
  if (ifindex === undefined || name === undefined) return undefined;
  const addresses: readonly unknown[] = Array.isArray(row["addr_info"]) ? row["addr_info"] : [];
  const ips = addresses.map((info) => textOf(inside({ info }, "info")["local"]));
  return {
    ifindex,
    name,
    ...given("linkIndex", wholeOf(row["link_index"])),
    ...given("mac", macOf(row["address"])),
    ips: ips.filter((ip) => ip !== undefined).filter((ip) => parseIpv4(ip) !== undefined),
  };
}

/**
 * The devices of a process from `/proc/PID/net/igmp`, which costs no process of our own. Every device that is up and
 * has an IPv4 address is in the group of all systems, and so in this file.
 */
export function parseIgmp(text: string): readonly Device[] {
  return text.split("\n").flatMap((line) => {
    const [, ifindex, name] = /^(\d{1,10})\t(\S+)\s*:/.exec(line) ?? [];
    return ifindex === undefined || name === undefined ? [] : [{ ifindex: Number(ifindex), name }];
  });
}

/**
 * Those of the devices that are on an address' own subnet, by `/proc/PID/net/route`; all of them where none is, since
 * a container may hold other routes than Docker's.
 */
export function onSubnetOf(ip: string, devices: readonly Device[], routes: string): readonly Device[] {
  const address = parseIpv4(ip);
  if (address === undefined) return devices;
  const names = new Set(
    parseConnectedRoutes(routes)
      .filter((route) => contains(route, address))
      .map(({ device }) => device),
  );
  const near = devices.filter(({ name }) => names.has(name));
  return near.length > 0 ? near : devices;
}
