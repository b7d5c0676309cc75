import { parseIpv4 } from "../../host/ipv4.ts";
import { readNeighbours } from "../neighbours.ts";
import { given, inside, macOf, parseRows, readRows, type Row, textOf, textsOf, wholeOf } from "../rows.ts";
import type { Inside, InsideDevice } from "./tables.ts";

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
