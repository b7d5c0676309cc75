import { parseIpv4, parseSubnet } from "../../host/ipv4.ts";
import { rowIn, textOf } from "../rows.ts";

/** Where the store keeps which addresses of a pool are taken; undefined for a pool that is not libnetwork's own. */
export function poolFolder(pool: string): string | undefined {
  return /^[A-Za-z]+\/[\d.]+\/\d+$/.test(pool) ? `docker/network/v1.0/ipam/default/data/${pool}` : undefined;
}

/**
 * True where an address of the pool is taken, by libnetwork's `bitseq`: number of bits and of free ones (64 bits each), then
 * runs of a block of 32 bits (first address highest) and how often it comes (64 bits). Undefined where the value is none.
 */
export function isTaken(value: string, pool: string, ip: string): boolean | undefined {
  const subnet = parseSubnet(pool.slice(pool.indexOf("/") + 1));
  const address = parseIpv4(ip);
  const bytes = sequenceIn(value);
  if (subnet === undefined || address === undefined || bytes === undefined) return undefined;
  const bit = address - subnet.address;
  if (bit < 0 || bit >= 2 ** (32 - subnet.prefix)) return undefined;
  let blocks = Math.floor(bit / 32);
  for (let at = 16; at + 12 <= bytes.length; at += 12) {
    const count = Number(bytes.readBigUInt64BE(at + 4));
    if (blocks < count) return ((bytes.readUInt32BE(at) >>> (31 - (bit % 32))) & 1) === 1;
    blocks -= count;
  }
  return undefined;
}

function sequenceIn(value: string): Buffer | undefined {
  const sequence = textOf(rowIn(value)["sequence"]);
  return sequence === undefined ? undefined : Buffer.from(sequence, "base64");
}
