import { z } from "zod";
import type { LabHost } from "../../lab/host.ts";

/** Metric name without prefix, for each counter of `ip -s -j link`. */
const counters = {
  rx: { bytes: "net.bytes_rcvd", packets: "net.packets_rcvd", errors: "net.errors_rcvd", dropped: "net.drops_rcvd" },
  tx: { bytes: "net.bytes_sent", packets: "net.packets_sent", errors: "net.errors_sent", dropped: "net.drops_sent" },
} as const;
export const metricNames: readonly string[] = [...Object.values(counters.rx), ...Object.values(counters.tx)];

const side = z.object({ bytes: z.number(), packets: z.number(), errors: z.number(), dropped: z.number() });
const link = z.object({
  ifname: z.string(),
  stats64: z.object({ rx: side, tx: side }),
});
const addressed = z.object({
  ifname: z.string(),
  addr_info: z.array(z.object({ family: z.string(), local: z.string() })),
});
const networks = z.object({
  Id: z.string(),
  NetworkSettings: z.object({ Networks: z.record(z.string(), z.object({ IPAddress: z.string() })) }),
});

/** `interface|network|metric` -> the kernel's cumulative value, read by `ip`, not by the product. */
export type Counters = ReadonlyMap<string, number>;

/** Every counter of every interface in the container's network namespace, as `ip -s -j link` tells it. */
export async function kernelCounters(host: LabHost, container: string): Promise<Counters> {
  const found = new Map<string, number>();
  const names = await networkOfInterface(host, container);
  const { stdout } = await host.inNetworkOf(container, ["ip", "-s", "-j", "link"]);
  for (const { ifname, stats64 } of z.array(link).parse(JSON.parse(stdout))) {
    const network = names.get(ifname) ?? "unknown";
    for (const direction of ["rx", "tx"] as const) {
      for (const key of ["bytes", "packets", "errors", "dropped"] as const) {
        found.set(`${ifname}|${network}|${counters[direction][key]}`, stats64[direction][key]);
      }
    }
  }
  return found;
}

/** By the addresses that `ip` and Docker tell. */
async function networkOfInterface(host: LabHost, container: string): Promise<ReadonlyMap<string, string>> {
  const { NetworkSettings } = networks.parse(await host.demand("GET", `/containers/${container}/json`));
  const byAddress = new Map(Object.entries(NetworkSettings.Networks).map(([name, n]) => [n.IPAddress, name]));
  const { stdout } = await host.inNetworkOf(container, ["ip", "-j", "address"]);
  const names = new Map([["lo", "loopback"]]);
  for (const { ifname, addr_info } of z.array(addressed).parse(JSON.parse(stdout))) {
    const local = addr_info.find((a) => a.family === "inet")?.local ?? "";
    const network = byAddress.get(local) ?? (local.startsWith("172.18.") ? "docker_gwbridge" : undefined);
    if (network !== undefined) names.set(ifname, network);
  }
  return names;
}

export function difference(after: Counters, before: Counters): Counters {
  return new Map([...after].map(([key, value]) => [key, value - (before.get(key) ?? 0)]));
}

export const same = (a: Counters, b: Counters): boolean =>
  a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
