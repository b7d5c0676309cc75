import { BlockList, isIP } from "node:net";

/** Addresses and ranges such as `10.0.0.0/8`; IPv4 written as IPv6 (`::ffff:10.0.0.1`) is the same. */
export function addressList(entries: readonly string[]): { readonly has: (address: string) => boolean } {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = "", prefix] = entry.split("/");
    const family = familyOf(address);
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return { has: (address) => entries.length > 0 && isIP(address) !== 0 && list.check(address, familyOf(address)) };
}

const familyOf = (address: string) => (isIP(address) === 6 ? "ipv6" : "ipv4");

const loopback = addressList(["127.0.0.0/8", "::1"]);
export const isLoopback = (address: string): boolean => loopback.has(address);

export interface Peers {
  /** Who sent it: the socket's other end, or whom the nearest proxy that is not ours names. Empty where it names no address. */
  readonly sender: (remote: string, forwardedFor: string) => string;
  readonly isWelcome: (sender: string) => boolean;
}

/** `sources` empty: all are welcome. `X-Forwarded-For` is the sender's own word but for what our `proxies` put at its end. */
export function peersOf(sources: readonly string[], proxies: readonly string[]): Peers {
  const [welcome, ours] = [addressList(sources), addressList(proxies)];
  return {
    sender: (remote, forwardedFor) => {
      const hops = forwardedFor.split(",").flatMap((hop) => (hop.trim() === "" ? [] : [hop.trim()]));
      let sender = plain(remote);
      while (ours.has(sender) && hops.length > 0) sender = plain(hops.pop() ?? "");
      return isIP(sender) === 0 ? "" : sender;
    },
    isWelcome: (sender) => sources.length === 0 || welcome.has(sender),
  };
}

const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/iu, "");
