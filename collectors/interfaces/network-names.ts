import type { Attachment, Container, Network } from "../../host/docker/inventory.ts";
import type { ProcessHandle } from "../../host/host.ts";
import { contains, parseIpv4, parseSubnet, type Route } from "../../host/ipv4.ts";

/** Networks that Docker attaches by itself, and does not always list in a container's inspect answer. */
const implicitNetworks: ReadonlySet<string> = new Set(["docker_gwbridge", "ingress"]);

/**
 * The Docker network of each interface of a namespace. `ethN` is join order and no identity: what tells is the address,
 * its own device for IPv6, the route to its network's subnet for IPv4. What fits two devices fits none.
 */
export function nameNetworks(
  routes: readonly Route[],
  ipv6: ReadonlyMap<string, string>,
  attachments: readonly Attachment[],
  networks: readonly Network[],
): ReadonlyMap<string, string> {
  const names = new Map<string, string>([["lo", "loopback"]]);
  const left = attachments.filter((one) => {
    const device = ipv6.get(one.ipv6) ?? deviceOfSubnet(routes, one, networks);
    if (device === undefined || names.has(device)) return true;
    names.set(device, one.name);
    return false;
  });
  for (const { name, ipv4 } of left) {
    const unnamed = routes.filter(({ device }) => !names.has(device));
    const device = narrowest(unnamed, ipv4);
    if (device !== undefined) names.set(device, name);
  }
  for (const { name, subnets } of networks.filter((n) => implicitNetworks.has(n.name))) {
    for (const device of devicesOn(routes, subnets)) if (!names.has(device)) names.set(device, name);
  }
  return names;
}

/** The device whose route is the very subnet that Docker gave the network: it tells nested networks apart. */
function deviceOfSubnet(
  routes: readonly Route[],
  { ipv4, networkId }: Attachment,
  networks: readonly Network[],
): string | undefined {
  const address = parseIpv4(ipv4);
  if (address === undefined) return undefined;
  const own = (networks.find(({ id }) => id === networkId)?.subnets ?? [])
    .map(parseSubnet)
    .filter((s) => s !== undefined && contains(s, address));
  return onlyDevice(routes.filter((r) => own.some((s) => s?.prefix === r.prefix) && contains(r, address)));
}

/** Where Docker does not tell the subnet: the narrowest route wins, as in the kernel. */
function narrowest(routes: readonly Route[], ipv4: string): string | undefined {
  const address = parseIpv4(ipv4);
  if (address === undefined) return undefined;
  const leading = routes.filter((r) => contains(r, address));
  const longest = Math.max(...leading.map(({ prefix }) => prefix));
  return onlyDevice(leading.filter(({ prefix }) => prefix === longest));
}

function onlyDevice(routes: readonly Route[]): string | undefined {
  const [device, ...others] = new Set(routes.map((r) => r.device));
  return others.length === 0 ? device : undefined;
}

function devicesOn(routes: readonly Route[], subnets: readonly string[]): readonly string[] {
  const own = subnets.map(parseSubnet).filter((s) => s !== undefined);
  return routes.filter((r) => own.some((s) => s.prefix <= r.prefix && contains(s, r.address))).map((r) => r.device);
}

/** What the names of a namespace's interfaces depend on. */
interface Grounds {
  readonly routes: readonly Route[];
  readonly ipv6: ReadonlyMap<string, string>;
  /** The containers in the namespace. */
  readonly members: readonly Container[];
  readonly networks: readonly Network[];
}

/** `nameNetworks`, asked again only where something that it depends on is another object than the last time. */
export function networkNamer(): (process: ProcessHandle, grounds: Grounds) => ReadonlyMap<string, string> {
  const last = new WeakMap<ProcessHandle, { readonly grounds: Grounds; readonly names: ReadonlyMap<string, string> }>();
  return (process, grounds) => {
    const known = last.get(process);
    if (known !== undefined && isSame(known.grounds, grounds)) return known.names;
    const { routes, ipv6, members, networks } = grounds;
    const attachments = members.flatMap((container) => container.attachments);
    const names = nameNetworks(routes, ipv6, attachments, networks);
    last.set(process, { grounds, names });
    return names;
  };
}

function isSame(a: Grounds, b: Grounds): boolean {
  const sameMembers = a.members.length === b.members.length && a.members.every((one, i) => one === b.members[i]);
  return sameMembers && a.routes === b.routes && a.ipv6 === b.ipv6 && a.networks === b.networks;
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
