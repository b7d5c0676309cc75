import { lookup } from "node:dns/promises";
import { parseIpv4 } from "./ipv4.ts";

/** The one IPv4 address of a host, by the machine's own rules (/etc/hosts, DNS). Throws where it has none, or several. */
export async function addressOfHost(name: string): Promise<string> {
  if (parseIpv4(name) !== undefined) return name;
  const found = await lookup(name, { family: 4, all: true });
  const [first, ...more] = [...new Set(found.map(({ address }) => address))];
  if (first === undefined || more.length > 0) throw new Error(`${found.length} addresses were found`);
  return first;
}
