import type { LabHost } from "./host.ts";

/** Where one network's rows are on a host. */
export interface OverlayTable {
  /** The namespace's file as the host itself sees it, and as the machine does. */
  readonly netns: string;
  readonly outside: string;
  readonly vxlan: string;
}

/** Throws where the host has no namespace of the network (no container in it), or no vxlan device there. */
export async function overlayTable(host: LabHost, networkId: string): Promise<OverlayTable> {
  const outside = host.overlayNamespace(networkId);
  if (outside === undefined)
    throw new Error(`${host.name} has no namespace for network ${networkId} in /run/docker/netns`);
  const netns = outside.replace(/^\/proc\/\d+\/root/, "");
  const { stdout } = await host.exec(["nsenter", `--net=${netns}`, "ip", "-o", "link", "show", "type", "vxlan"]);
  const [, vxlan] = /^\d+: ([^@:\s]+)/.exec(stdout) ?? [];
  if (vxlan === undefined) throw new Error(`no vxlan device in ${netns} on ${host.name}: ${stdout}`);
  return { netns, outside, vxlan };
}

/** Runs a program in that namespace, with the host's own files. */
export async function inOverlay(host: LabHost, { netns }: OverlayTable, command: readonly string[]) {
  return host.exec(["nsenter", `--net=${netns}`, "--", ...command]);
}
