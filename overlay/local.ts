import type { Container, Inventory } from "../host/docker/inventory.ts";
import { NotAvailable, type OverlayView, type Procfs } from "../host/host.ts";
import { ProgramError } from "../host/iproute2/error.ts";
import { liveEntry } from "../host/netns/live.ts";
import { type Device, onSubnetOf, parseDevices, parseIgmp, readDevices } from "./devices.ts";
import type { OverlayNamespace } from "./discover.ts";
import { type Attached, type Endpoint, joinEndpoints } from "./endpoints.ts";
import type { Link } from "./links.ts";
import { UnreadableTable } from "./rows.ts";

export interface LocalSources {
  readonly inventory: Inventory;
  /** All of this host: load balancers and the ingress gate are namespaces of their own. */
  readonly namespaces: readonly OverlayNamespace[];
  readonly proc: Procfs;
  /** Runs `ip` inside; on this very machine unless told. */
  readonly run?: OverlayView["run"];
  readonly dump?: OverlayView["dump"];
  /** The namespace of a process, as a path; `/proc/PID/ns/net` unless told. */
  readonly namespaceOf?: (pid: number) => string;
}

/**
 * The local endpoints of one overlay namespace, each with its veth where that is certain. Containers are looked up in
 * `/proc` (some 50 us each); only one whose veth that does not tell costs a process. What is gone meanwhile is left
 * without a veth, never an error. Rejects with the signal's reason.
 */
export async function readEndpoints(
  namespace: OverlayNamespace,
  links: readonly Link[],
  sources: LocalSources,
  signal: AbortSignal,
): Promise<readonly Endpoint[]> {
  const networkId = namespace.network?.id;
  if (networkId === undefined || namespace.kind !== "overlay") return [];
  const own = sources.inventory.containers.flatMap((container) => attachedIn(networkId, container));
  const cheap = own.map((one) => ({ ...one.attached, devices: devicesInProc(one, sources.proc) }));
  const sandboxes = await Promise.all(
    sandboxesOf(networkId, sources).map(async (one) => readSandbox(one, links, sources, signal)),
  );
  const quick = joinEndpoints([...cheap, ...sandboxes.flat()], links);
  if (quick.every(({ veth }) => veth !== undefined)) return quick;
  const sure = await Promise.all(
    own.map(async (one, index) =>
      quick[index]?.veth === undefined ? byProgram(one, sources, signal) : (cheap[index] ?? one.attached),
    ),
  );
  return joinEndpoints([...sure, ...sandboxes.flat()], links);
}

interface Own {
  readonly pid: number;
  readonly attached: Attached;
}

function attachedIn(networkId: string, { id, name, pid, attachments }: Container): readonly Own[] {
  return attachments
    .filter((attachment) => attachment.networkId === networkId)
    .map(({ ipv4, mac }) => ({
      pid,
      attached: { owner: { kind: "container", name, id }, ip: ipv4, mac: mac.toLowerCase(), devices: undefined },
    }));
}

function devicesInProc({ pid, attached }: Own, proc: Procfs): readonly Device[] | undefined {
  try {
    const process = proc.open(pid);
    try {
      return onSubnetOf(attached.ip, parseIgmp(process.text("net/igmp")), process.text("net/route"));
    } finally {
      process.close();
    }
  } catch (error) {
    if (error instanceof NotAvailable) return undefined;
    throw error;
  }
}

async function byProgram({ pid, attached }: Own, sources: LocalSources, signal: AbortSignal): Promise<Attached> {
  const path = (sources.namespaceOf ?? ((number) => `/proc/${number}/ns/net`))(pid);
  const devices = await devicesOf(path, sources, signal);
  const mine = devices?.filter(({ ips, mac }) => ips?.includes(attached.ip) === true || mac === attached.mac);
  return { ...attached, devices: mine };
}

/** Undefined where they can not be read now. */
async function devicesOf(
  path: string,
  { run = liveEntry.run, dump }: LocalSources,
  signal: AbortSignal,
): Promise<readonly Device[] | undefined> {
  try {
    const dumped = await dump?.({ path, kinds: ["links", "addresses"] }, signal);
    if (dumped !== undefined) return readDevices(dumped.devices).rows;
    return parseDevices(await run(path, ["ip", "-j", "addr", "show"], { signal })).rows;
  } catch (error) {
    if (error instanceof NotAvailable || error instanceof ProgramError || error instanceof UnreadableTable)
      return undefined;
    throw error;
  }
}

function sandboxesOf(networkId: string, { namespaces }: LocalSources): readonly OverlayNamespace[] {
  return namespaces.filter(
    ({ kind, network }) => (kind === "load-balancer" || kind === "ingress") && network?.id === networkId,
  );
}

/**
 * Who a load balancer's or gate's sandbox is in the network that `links` were read in: of its devices the one that is paired with
 * a veth there, for the gate is in two networks. None where they can not be read. Rejects with the signal's reason.
 */
export async function readSandbox(
  { kind, path, network }: OverlayNamespace,
  links: readonly Link[],
  sources: LocalSources,
  signal: AbortSignal,
): Promise<readonly Attached[]> {
  const devices = (await devicesOf(path, sources, signal)) ?? [];
  const veths = new Map(links.map(({ ifindex, linkIndex }) => [ifindex, linkIndex]));
  return devices
    .filter(({ ifindex, linkIndex }) => linkIndex !== undefined && veths.get(linkIndex) === ifindex)
    .map((device) => ({
      owner:
        kind === "ingress"
          ? { kind, name: "ingress-endpoint" }
          : { kind: "load-balancer", name: `lb-${network?.name ?? ""}` },
      ip: device.ips?.[0] ?? "",
      aliases: device.ips?.slice(1) ?? [],
      mac: device.mac ?? "",
      devices: [device],
    }));
}
