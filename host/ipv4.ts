export interface Subnet {
  readonly address: number;
  readonly prefix: number;
}

export interface Route extends Subnet {
  readonly device: string;
}

/** `10.0.0.2` as a number, undefined for anything else. */
export function parseIpv4(text: string): number | undefined {
  const octets = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/u.exec(text)?.slice(1).map(Number);
  if (octets === undefined || octets.some((o) => o > 255)) return undefined;
  return octets.reduce((all, octet) => all * 256 + octet, 0);
}

/** `10.0.0.0/24`; undefined for IPv6 and for anything else. */
export function parseSubnet(text: string): Subnet | undefined {
  const [ip = "", prefix = ""] = text.split("/");
  const address = parseIpv4(ip);
  if (address === undefined || !/^\d+$/u.test(prefix) || Number(prefix) > 32) return undefined;
  return { address, prefix: Number(prefix) };
}

/** `address`: as a number, as `parseIpv4` gives it. */
export function contains(subnet: Subnet, address: number): boolean {
  const size = 2 ** (32 - subnet.prefix);
  return Math.floor(subnet.address / size) === Math.floor(address / size);
}

/** Flags of a route in use that has no gateway: its device is on that subnet (RTF_UP 1, RTF_GATEWAY 2, RTF_REJECT 0x200). */
const isConnected = (flags: number) => (flags & 0x1) !== 0 && (flags & 0x202) === 0;

/**
 * The subnets that each device is on, from `/proc/PID/net/route`: Iface Destination Gateway Flags RefCnt Use Metric
 * Mask ..., addresses in hexadecimal as the CPU holds a network-order word (little-endian here).
 */
export function parseConnectedRoutes(text: string): readonly Route[] {
  const routes: Route[] = [];
  for (const row of text.split("\n").slice(1)) {
    const [device, destination, , flags, , , , mask] = row.trim().split(/\s+/u);
    const [address, bits] = [hexAddress(destination), hexAddress(mask)];
    if (device === undefined || address === undefined || bits === undefined) continue;
    if (isConnected(Number.parseInt(flags ?? "0", 16)) && bits !== 0)
      routes.push({ device, address, prefix: ones(bits) });
  }
  return routes;
}

function hexAddress(hex: string | undefined): number | undefined {
  if (hex === undefined || !/^[\dA-F]{8}$/iu.test(hex)) return undefined;
  const bytes = Buffer.from(hex, "hex");
  return littleEndian ? bytes.readUInt32LE(0) : bytes.readUInt32BE(0);
}

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

const ones = (mask: number): number => (mask >>> 0).toString(2).replaceAll("0", "").length;
