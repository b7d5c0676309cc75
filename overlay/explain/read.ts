import { parseIpv4 } from "../../host/ipv4.ts";
import { readNeighbours } from "../neighbours.ts";
import { given, inside, macOf, parseRows, readRows, type Row, textOf, textsOf, wholeOf } from "../rows.ts";
import type { Inside, InsideDevice, Mtu, RouteTo } from "./tables.ts";

/** `ip -j addr show` and `ip -j neigh show`. Throws `UnreadableTable`, as all of these do. */
export function parseInside(addresses: string, neighbours: string): Inside {
  return {
    devices: readRows(parseRows(addresses, "ip -j addr show"), readDevice).rows,
    neighbours: readNeighbours(parseRows(neighbours, "ip -j neigh show")).rows,
  };
}

function readDevice(row: Row): InsideDevice | undefined {
  const [name, mtu, ifindex] = [textOf(row["ifname"]), wholeOf(row["mtu"]), wholeOf(row["ifindex"])];
  if (name === undefined || mtu === undefined || ifindex === undefined) return undefined;
  const infos: readonly unknown[] = Array.isArray(row["addr_info"]) ? row["addr_info"] : [];
  const addresses = infos.flatMap((info) => addressOf(inside({ info }, "info")));
  const up = textsOf(row["flags"]).includes("UP");
  return { ifindex, name, up, mtu, ...given("mac", macOf(row["address"])), addresses };
}

function addressOf(info: Row): readonly string[] {
  const [ip, prefix] = [textOf(info["local"]), wholeOf(info["prefixlen"])];
  return ip === undefined || prefix === undefined || parseIpv4(ip) === undefined ? [] : [`${ip}/${prefix}`];
}

/** `ip -j link show`. */
export function parseMtus(text: string): readonly Mtu[] {
  return readRows(parseRows(text, "ip -j link show"), (row) => {
    const [device, mtu] = [textOf(row["ifname"]), wholeOf(row["mtu"])];
    return device === undefined || mtu === undefined ? undefined : { device, mtu };
  }).rows;
}

/** `ip -j route get ADDRESS`; a route may have an MTU of its own. */
export function parseRoute(to: string, text: string, mtus: ReadonlyMap<string, number>): RouteTo {
  const [route = {}] = readRows(parseRows(text, "ip -j route get"), (row) => row).rows;
  const device = textOf(route["dev"]);
  const metrics: readonly unknown[] = Array.isArray(route["metrics"]) ? route["metrics"] : [];
  const [own] = metrics.flatMap((metric) => wholeOf(inside({ metric }, "metric")["mtu"]) ?? []);
  const mtu = own ?? (device === undefined ? undefined : mtus.get(device));
  return { to, ...given("device", device), ...given("source", textOf(route["prefsrc"])), ...given("mtu", mtu) };
}
