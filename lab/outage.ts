import { endpointOf, loss } from "./cluster.ts";
import type { LabHost } from "./host.ts";
import { inOverlay, overlayTable, type OverlayTable } from "./overlay-table.ts";

/** Two containers of one host, which are to lose each other. */
export interface Pair {
  readonly host: LabHost;
  readonly a: string;
  readonly b: string;
}

/** What heals it by hand: `clean` takes all rows away, `pin` fixes each MAC to its own veth and leaves them. */
export type Cure = "clean" | "pin";

/**
 * The cure alone, in the overlay namespace: containers keep their own rows, no ping is sent and nothing is verified.
 * Gives the moment after it, in milliseconds since the epoch.
 */
export async function curePair(pair: Pair, cure: Cure): Promise<number> {
  const ends = await endsOf(pair);
  const table = await overlayTable(pair.host, ends[0].networkId);
  for (const end of ends) await (cure === "pin" ? pin(pair.host, table, end) : clean(pair.host, table, end));
  return Date.now();
}

/** Takes the pins away with the rows that would break the pair again. Without a pin: an error of bridge, not of ours. */
export async function unpinPair(pair: Pair): Promise<void> {
  const ends = await endsOf(pair);
  const table = await overlayTable(pair.host, ends[0].networkId);
  for (const end of ends) {
    await clean(pair.host, table, end);
    await inOverlay(pair.host, table, [
      "bridge",
      "fdb",
      "del",
      end.mac,
      "dev",
      await vethOf(pair.host, table, end),
      "master",
    ]);
  }
}

interface End {
  readonly container: string;
  readonly networkId: string;
  readonly ip: string;
  readonly mac: string;
}

/**
 * Brings about the outage of moby#29024: static rows for local containers on the vxlan device, and their MACs learned
 * on its bridge port. Returns when 10 of 10 pings are lost, and gives the moment of the rows that did it (milliseconds
 * since the epoch); throws with what it saw after 10 attempts.
 */
export async function breakPair(pair: Pair): Promise<number> {
  const [a, b] = await endsOf(pair);
  const table = await overlayTable(pair.host, a.networkId);
  // ARP probes of their own could end the outage by themselves after some seconds.
  await neighbour(pair.host, a, b, ["replace", b.ip, "lladdr", b.mac, "nud", "permanent"]);
  await neighbour(pair.host, b, a, ["replace", a.ip, "lladdr", a.mac, "nud", "permanent"]);
  const seen: number[] = [];
  while (seen.length < 10) {
    for (const end of [a, b]) await poison(pair.host, table, end);
    const moment = Date.now();
    seen.push(await loss(pair.host, a.container, b.ip));
    if (seen.at(-1) === 100) return moment;
  }
  throw new Error(`${pair.a} and ${pair.b} did not lose each other; loss in percent, try by try: ${seen.join(" ")}`);
}

/** Takes every row of `breakPair` away; returns when 10 of 10 pings arrive, throws with what it saw otherwise. */
export async function mendPair(pair: Pair): Promise<void> {
  const [a, b] = await endsOf(pair);
  const table = await overlayTable(pair.host, a.networkId);
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

async function endsOf({ host, a, b }: Pair): Promise<[End, End]> {
  if (a === b) throw new Error(`${a} and ${b} are the same container`);
  const end = async (container: string): Promise<End> => {
    const { IPAddress: ip, MacAddress: mac, NetworkID: networkId } = await endpointOf(host, container);
    return { container, networkId, ip, mac };
  };
  return [await end(a), await end(b)];
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

async function poison(host: LabHost, table: OverlayTable, end: End): Promise<void> {
  // "File exists" where dockerd was first: the row is what counts, and the loss is measured.
  for (const command of poisonOf(host, table, end)) await inOverlay(host, table, command);
}

/** By which a container's MAC leaves the bridge by the vxlan device: rows as dockerd itself writes them, and the bridge's. */
function poisonOf({ vtep }: LabHost, { vxlan }: OverlayTable, { ip, mac }: End): readonly (readonly string[])[] {
  return [
    ["ip", "neigh", "replace", ip, "lladdr", mac, "dev", vxlan, "nud", "permanent"],
    ["bridge", "fdb", "append", mac, "dev", vxlan, "dst", vtep, "self", "permanent"],
    ["bridge", "fdb", "replace", mac, "dev", vxlan, "master", "dynamic"],
  ];
}

/** What `breakPair` does in the overlay's namespace for the second of the two, as a person would type it on the host. */
export async function breakingCommands(pair: Pair): Promise<readonly (readonly string[])[]> {
  const [, end] = await endsOf(pair);
  const table = await overlayTable(pair.host, end.networkId);
  return poisonOf(pair.host, table, end).map((command) => ["nsenter", `--net=${table.netns}`, ...command]);
}

async function clean(host: LabHost, table: OverlayTable, { ip, mac }: End): Promise<void> {
  const { vxlan } = table;
  const inside = async (...command: string[]) => inOverlay(host, table, command);
  await inside("ip", "neigh", "del", ip, "dev", vxlan);
  for (const dst of [host.vtep, "127.0.0.1"])
    await inside("bridge", "fdb", "del", mac, "dev", vxlan, "dst", dst, "self");
  await inside("bridge", "fdb", "del", mac, "dev", vxlan, "master");
}

async function pin(host: LabHost, table: OverlayTable, end: End): Promise<void> {
  const row = [end.mac, "dev", await vethOf(host, table, end), "master", "static", "sticky"];
  const { code, stderr } = await inOverlay(host, table, ["bridge", "fdb", "replace", ...row]);
  if (code !== 0) throw new Error(`bridge fdb replace ${row.join(" ")} on ${host.name}: ${stderr}`);
}

/** By the number that the container's device names as its other end, not by where the bridge has learned the MAC. */
export async function vethOf(
  host: LabHost,
  table: OverlayTable,
  { container, ip }: Pick<End, "container" | "ip">,
): Promise<string> {
  const addresses = (await host.inNetworkOf(container, ["ip", "-o", "-4", "address"])).stdout.split("\n");
  const [, device = ""] = /^\d+: (\S+)/.exec(addresses.find((line) => line.includes(` ${ip}/`)) ?? "") ?? [];
  const inside = (await host.inNetworkOf(container, ["ip", "-o", "link", "show", "dev", device])).stdout;
  const [, index = "none"] = /^\d+: [^@\s]+@if(\d+):/.exec(inside) ?? [];
  const links = (await inOverlay(host, table, ["ip", "-o", "link", "show", "type", "veth"])).stdout;
  const [, veth] = new RegExp(`^${index}: ([^@:\\s]+)`, "m").exec(links) ?? [];
  if (veth === undefined) throw new Error(`${container}: no veth with number ${index} in ${table.netns}: ${links}`);
  return veth;
}
