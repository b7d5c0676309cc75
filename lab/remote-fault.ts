import { endpointOf, loss } from "./cluster.ts";
import type { LabHost } from "./host.ts";
import { inOverlay, overlayTable } from "./overlay-table.ts";

export const remoteFaults = ["missing-fdb", "wrong-vtep"] as const;
export type RemoteFault = (typeof remoteFaults)[number];

/** An address of no host, in the network of the lab's hosts. */
export const nowhere = "172.31.240.77";

type Row = readonly [string, ...string[]];

/** The row of a container on another host is taken away... */
export const selfRowGone = (mac: string, vxlan: string, vtep: string): Row => [
  ...(["bridge", "fdb", "del", mac, "dev", vxlan, "dst", vtep, "self"] as const),
];

/** ... or set, to the host that has it or to a wrong one. */
export const selfRowTo = (mac: string, vxlan: string, vtep: string): Row => [
  ...(["bridge", "fdb", "replace", mac, "dev", vxlan, "dst", vtep, "self", "permanent"] as const),
];

/** Docker's own, of an address, where the engine tells none (swarm mode). */
export const macOf = (ip: string): string =>
  ["02", "42", ...ip.split(".").map((part) => Number(part).toString(16).padStart(2, "0"))].join(":");

/** What sends where, over which network. */
export interface Way {
  readonly from: { readonly host: LabHost; readonly container: string };
  readonly to: { readonly host: LabHost; readonly container: string };
}

export interface Made {
  /** In milliseconds since the epoch. */
  readonly at: number;
  /** The command that did it, for a shell on the sender's host. */
  readonly command: readonly string[];
  readonly lossPercent: number;
}

/**
 * Makes the fault on the sender's host, and returns when 10 of 10 pings are lost. A row that the kernel has learned from what the
 * receiver sent leads there as well, and is taken away with its own. Throws with what it saw after 5 tries.
 */
export async function breakWay({ from, to }: Way, fault: RemoteFault): Promise<Made> {
  const { mac, ip, table } = await endOf({ from, to });
  const { vxlan } = table;
  const change = fault === "missing-fdb" ? selfRowGone(mac, vxlan, to.host.vtep) : selfRowTo(mac, vxlan, nowhere);
  const command = ["nsenter", `--net=${table.netns}`, ...change];
  const seen: number[] = [];
  while (seen.length < 5) {
    await inOverlay(from.host, table, change);
    const at = Date.now();
    const lost = await loss(from.host, from.container, ip);
    seen.push(lost);
    if (lost === 100) return { at, command, lossPercent: lost };
  }
  throw new Error(`${from.container} still reaches ${to.container}; loss in percent, try by try: ${seen.join(" ")}`);
}

/** Sets the row as the engine has it. */
export async function mendWay({ from, to }: Way): Promise<void> {
  const { mac, table } = await endOf({ from, to });
  const { code, stderr } = await inOverlay(from.host, table, selfRowTo(mac, table.vxlan, to.host.vtep));
  if (code !== 0) throw new Error(`the row of ${to.container} on ${from.host.name}: ${stderr}`);
}

async function endOf({ from, to }: Way) {
  const { MacAddress, IPAddress: ip } = await endpointOf(to.host, to.container);
  const { NetworkID } = await endpointOf(from.host, from.container);
  return { ip, mac: MacAddress === "" ? macOf(ip) : MacAddress, table: await overlayTable(from.host, NetworkID) };
}
