import { z } from "zod";
import type { LabHost } from "../../lab/host.ts";
import { must } from "../../lab/process.ts";

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
const inspected = z.object({
  State: z.object({ Pid: z.number() }),
  NetworkSettings: z.object({ Networks: z.record(z.string(), z.object({ IPAddress: z.string() })) }),
});

/** `interface|network|metric` -> the kernel's cumulative value, read by `ip`, not by the product. */
export type Counters = ReadonlyMap<string, number>;

/** One life of a container: to be read without Docker's help. */
export interface Life {
  readonly pid: number;
  /** Network by the container's address in it. */
  readonly networks: ReadonlyMap<string, string>;
}

export async function lifeOf(host: LabHost, container: string): Promise<Life> {
  const { State, NetworkSettings } = inspected.parse(await host.demand("GET", `/containers/${container}/json`));
  const byAddress = Object.entries(NetworkSettings.Networks).map(([name, { IPAddress }]) => [IPAddress, name] as const);
  return { pid: State.Pid, networks: new Map(byAddress) };
}

export async function kernelCounters(host: LabHost, container: string): Promise<Counters> {
  return countersOf(await lifeOf(host, container));
}

/** Every counter of every interface in the container's network namespace, as `ip -s -j link` tells it. */
export async function countersOf(life: Life): Promise<Counters> {
  const found = new Map<string, number>();
  const [names, links] = await Promise.all([
    networkOfInterface(life),
    must([...inside(life), "ip", "-s", "-j", "link"]),
  ]);
  for (const { ifname, stats64 } of z.array(link).parse(JSON.parse(links))) {
    for (const direction of ["rx", "tx"] as const) {
      for (const key of ["bytes", "packets", "errors", "dropped"] as const) {
        const name = `${ifname}|${names.get(ifname) ?? "unknown"}|${counters[direction][key]}`;
        found.set(name, stats64[direction][key]);
      }
    }
  }
  return found;
}

/** How to run one of the machine's programs in the container's network. */
export const inside = ({ pid }: Pick<Life, "pid">): readonly [string, string] => [
  "/usr/bin/nsenter",
  `--net=/proc/${pid}/ns/net`,
];

/** By the addresses that `ip` and Docker tell. */
async function networkOfInterface(life: Life): Promise<ReadonlyMap<string, string>> {
  const names = new Map([["lo", "loopback"]]);
  const text = await must([...inside(life), "ip", "-j", "address"]);
  for (const { ifname, addr_info } of z.array(addressed).parse(JSON.parse(text))) {
    const local = addr_info.find((a) => a.family === "inet")?.local ?? "";
    const network = life.networks.get(local) ?? (local.startsWith("172.18.") ? "docker_gwbridge" : undefined);
    if (network !== undefined) names.set(ifname, network);
  }
  return names;
}

export function difference(after: Counters, before: Counters): Counters {
  return new Map([...after].map(([key, value]) => [key, value - (before.get(key) ?? 0)]));
}

export const same = (a: Counters, b: Counters): boolean =>
  a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
