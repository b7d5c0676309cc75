import { type Inventory } from "../../host/docker/inventory.ts";
import { NotAvailable, type Procfs } from "../../host/host.ts";
import { isMac } from "../mac.ts";

/** The containers of this host on one network, by MAC. */
export type LocalMacs = ReadonlyMap<string, string>;

/**
 * By network id. While Docker does not answer its last known containers may be dead, and their MACs on other hosts by
 * now: then only those count whose process lives.
 */
export function localMacs(
  { containers, state }: Inventory,
  proc: Pick<Procfs, "open">,
): ReadonlyMap<string, LocalMacs> {
  const networks = new Map<string, Map<string, string>>();
  for (const { name, pid, attachments } of containers) {
    if (state !== "live" && !lives(pid, proc)) continue;
    for (const { networkId, mac } of attachments) {
      const macs = networks.get(networkId) ?? new Map<string, string>();
      networks.set(networkId, macs);
      if (isMac(mac.toLowerCase())) macs.set(mac.toLowerCase(), name);
    }
  }
  return networks;
}

function lives(pid: number, proc: Pick<Procfs, "open">): boolean {
  try {
    proc.open(pid).close();
    return true;
  } catch (error) {
    if (error instanceof NotAvailable) return false;
    throw error;
  }
}

export function sameMacs(one: LocalMacs, other: LocalMacs): boolean {
  return one.size === other.size && [...one].every(([mac, name]) => other.get(mac) === name);
}
