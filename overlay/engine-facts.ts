import type { EngineInfo } from "../host/docker/info.ts";
import type { Network } from "../host/docker/inventory.ts";
import { NotAvailable, type Procfs } from "../host/host.ts";
import { parseIpv4 } from "../host/ipv4.ts";
import type { OverlayDriver } from "./engine.ts";

/** A swarm's networks are of its scope; those over a key-value store are `global`. */
export function driverOf({ scope }: Pick<Network, "scope">): OverlayDriver {
  return scope === "swarm" ? "swarm" : "classic";
}

/** Of the host: by the engine's own word, by its overlay networks where it gives none. */
export function driverOfHost(engine: EngineInfo | undefined, networks: readonly Network[]): OverlayDriver {
  if (engine?.clusterStore !== undefined && engine.clusterStore !== "") return "classic";
  if (engine !== undefined && engine.swarmState !== "") return engine.swarmState === "inactive" ? "classic" : "swarm";
  const overlays = networks.filter(({ driver }) => driver === "overlay");
  return overlays.some((network) => driverOf(network) === "swarm") ? "swarm" : "classic";
}

/**
 * Addresses at which other hosts reach this one's vxlan devices: what the engine tells, and every address of the host
 * itself, for a swarm's data path can have one of its own that no API tells. A row to any of them leads back here.
 */
export function vtepsOf(engine: EngineInfo | undefined, fibTrie: string): readonly string[] {
  const advertised = engine === undefined ? [] : [withoutPort(engine.clusterAdvertise), engine.swarmAddress];
  const known = [...advertised, ...localAddresses(fibTrie)];
  return [...new Set(known)].filter((ip) => parseIpv4(ip) !== undefined && !ip.startsWith("127."));
}

/** `--cluster-advertise`, and a node's key in the store, are an address with a port. */
export function withoutPort(advertised: string): string {
  return advertised.replace(/:\d+$/, "");
}

/** Of `/proc/PID/net/fib_trie`: an address stands on a line of its own, before those that say what it is. */
function localAddresses(fibTrie: string): readonly string[] {
  return [...fibTrie.matchAll(/\|-- (\S+)\n(?: +\/\d+ (?!host LOCAL).*\n)* +\/32 host LOCAL/g)].map(
    ([, ip = ""]) => ip,
  );
}

/** Empty where there is none (a kernel without it, a process that is gone): what the engine tells remains. */
export function fibTrieOf(proc: Pick<Procfs, "host">): string {
  try {
    const own = proc.host();
    try {
      return own.text("net/fib_trie");
    } finally {
      own.close();
    }
  } catch (error) {
    if (error instanceof NotAvailable) return "";
    throw error;
  }
}
