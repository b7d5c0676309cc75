import { endpointOf, loss } from "./cluster.ts";
import type { LabHost } from "./host.ts";

/** Two containers of one host, which are to lose each other. */
export interface Pair {
  readonly host: LabHost;
  readonly a: string;
  readonly b: string;
}

interface End {
  readonly container: string;
  readonly ip: string;
  readonly mac: string;
}

/**
 * Brings about the outage of moby#29024: static rows for local containers on the vxlan device, and their MACs learned
 * on its bridge port. Returns when 10 of 10 pings are lost; throws with what it saw after 10 attempts.
 */
export async function breakPair(pair: Pair): Promise<void> {
  const [a, b] = await endsOf(pair);
  const table = await overlayTable(pair);
  // ARP probes of their own could end the outage by themselves after some seconds.
  await neighbour(pair.host, a, b, ["replace", b.ip, "lladdr", b.mac, "nud", "permanent"]);
  await neighbour(pair.host, b, a, ["replace", a.ip, "lladdr", a.mac, "nud", "permanent"]);
  const seen: number[] = [];
  while (seen.length < 10) {
    for (const end of [a, b]) await poison(pair.host, table, end);
    seen.push(await loss(pair.host, a.container, b.ip));
    if (seen.at(-1) === 100) return;
  }
  throw new Error(`${pair.a} and ${pair.b} did not lose each other; loss in percent, try by try: ${seen.join(" ")}`);
}

/** Takes every row of `breakPair` away; returns when 10 of 10 pings arrive, throws with what it saw otherwise. */
export async function mendPair(pair: Pair): Promise<void> {
  const [a, b] = await endsOf(pair);
  const table = await overlayTable(pair);
  await neighbour(pair.host, a, b, ["del", b.ip]);
  await neighbour(pair.host, b, a, ["del", a.ip]);
  const seen: number[] = [];
  while (seen.length < 10) {
    for (const end of [a, b]) await clean(pair.host, table, end);
    seen.push(await loss(pair.host, a.container, b.ip));
    if (seen.at(-1) === 0) return;
  }
  throw new Error(`${pair.a} does not reach ${pair.b} again; loss in percent, try by try: ${seen.join(" ")}`);
}

interface OverlayTable {
  /** As the host itself sees it. */
  readonly netns: string;
  readonly vxlan: string;
}

async function endsOf({ host, a, b }: Pair): Promise<[End, End]> {
  if (a === b) throw new Error(`${a} and ${b} are the same container`);
  const end = async (container: string): Promise<End> => {
    const { IPAddress: ip, MacAddress: mac } = await endpointOf(host, container);
    return { container, ip, mac };
  };
  return [await end(a), await end(b)];
}

async function overlayTable({ host, a }: Pair): Promise<OverlayTable> {
  const { NetworkID } = await endpointOf(host, a);
  const outside = host.overlayNamespace(NetworkID);
  if (outside === undefined)
    throw new Error(`${host.name} has no namespace for network ${NetworkID} in /run/docker/netns`);
  const netns = outside.replace(/^\/proc\/\d+\/root/, "");
  const { stdout } = await host.exec(["nsenter", `--net=${netns}`, "ip", "-o", "link", "show", "type", "vxlan"]);
  const [, vxlan] = /^\d+: ([^@:\s]+)/.exec(stdout) ?? [];
  if (vxlan === undefined) throw new Error(`no vxlan device in ${netns} on ${host.name}: ${stdout}`);
  return { netns, vxlan };
}

/** In the container's own namespace; the device is found by route, for `ethN` is only the order of joining. */
async function neighbour(host: LabHost, from: End, to: End, change: readonly string[]): Promise<void> {
  const { stdout } = await host.inNetworkOf(from.container, ["ip", "-o", "route", "get", to.ip]);
  const [, device] = / dev (\S+)/.exec(stdout) ?? [];
  if (device === undefined) throw new Error(`${from.container} has no route to ${to.ip}: ${stdout}`);
  const { code, stderr } = await host.inNetworkOf(from.container, ["ip", "neigh", ...change, "dev", device]);
  if (code !== 0 && change[0] !== "del")
    throw new Error(`ip neigh ${change.join(" ")} in ${from.container}: ${stderr}`);
}

async function poison(host: LabHost, { netns, vxlan }: OverlayTable, { ip, mac }: End): Promise<void> {
  const inside = async (...command: string[]) => host.exec(["nsenter", `--net=${netns}`, "--", ...command]);
  await inside("ip", "neigh", "replace", ip, "lladdr", mac, "dev", vxlan, "nud", "permanent");
  // "File exists" where dockerd was first: the row is what counts, and the loss is measured.
  await inside("bridge", "fdb", "append", mac, "dev", vxlan, "dst", host.vtep, "self", "permanent");
  await inside("bridge", "fdb", "replace", mac, "dev", vxlan, "master", "dynamic");
}

async function clean(host: LabHost, { netns, vxlan }: OverlayTable, { ip, mac }: End): Promise<void> {
  const inside = async (...command: string[]) => host.exec(["nsenter", `--net=${netns}`, "--", ...command]);
  await inside("ip", "neigh", "del", ip, "dev", vxlan);
  for (const dst of [host.vtep, "127.0.0.1"])
    await inside("bridge", "fdb", "del", mac, "dev", vxlan, "dst", dst, "self");
  await inside("bridge", "fdb", "del", mac, "dev", vxlan, "master");
}
