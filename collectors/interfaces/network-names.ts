import type { Attachment, Network } from "../../host/docker/inventory.ts";
import { contains, parseIpv4, parseSubnet, type Route } from "./ipv4.ts";

/** Networks that Docker attaches by itself, and does not list in a container's inspect answer. */
const implicitNetworks = ["docker_gwbridge", "ingress"] as const;

/**
 * The Docker network of each interface of a namespace. `ethN` is join order and no identity: what tells is the address,
 * through the subnet that the interface's route is connected to.
 */
export function nameNetworks(
  routes: readonly Route[],
  ipv6: ReadonlyMap<string, string>,
  attachments: readonly Attachment[],
  networks: readonly Network[],
): ReadonlyMap<string, string> {
  const names = new Map<string, string>([["lo", "loopback"]]);
  for (const { name, ipv4, ipv6: address6 } of attachments) {
    const device = deviceOf(routes, ipv4) ?? ipv6.get(address6);
    if (device !== undefined && !names.has(device)) names.set(device, name);
  }
  for (const { name, subnets } of networks.filter(isImplicit)) {
    for (const device of devicesOn(routes, subnets)) if (!names.has(device)) names.set(device, name);
  }
  return names;
}

function isImplicit({ name }: Network): boolean {
  return implicitNetworks.some((implicit) => implicit === name);
}

/** The narrowest route wins, as in the kernel. */
function deviceOf(routes: readonly Route[], ipv4: string): string | undefined {
  const address = parseIpv4(ipv4);
  if (address === undefined) return undefined;
  return routes.filter((r) => contains(r, address)).toSorted((a, b) => b.prefix - a.prefix)[0]?.device;
}

function devicesOn(routes: readonly Route[], subnets: readonly string[]): readonly string[] {
  const own = subnets.map(parseSubnet).filter((s) => s !== undefined);
  return routes.filter((r) => own.some((s) => s.prefix <= r.prefix && contains(s, r.address))).map((r) => r.device);
}

/** Device by global IPv6 address, from `/proc/PID/net/if_inet6`: address index prefix scope flags device. */
export function parseIpv6Devices(text: string): ReadonlyMap<string, string> {
  const devices = new Map<string, string>();
  for (const row of text.split("\n")) {
    const [hex = "", , , , , device] = row.trim().split(/\s+/u);
    if (device !== undefined && /^[\da-f]{32}$/u.test(hex)) devices.set(compressIpv6(hex), device);
  }
  return devices;
}

/** As Docker writes it (RFC 5952): `20010db8000000000000000000000002` is `2001:db8::2`. */
function compressIpv6(hex: string): string {
  const groups = (hex.match(/.{4}/gu) ?? []).map((g) => Number.parseInt(g, 16).toString(16));
  return new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1);
}
