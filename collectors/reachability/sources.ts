import { type Host, NotAvailable } from "../../host/host.ts";
import { rowsOnVxlan } from "../../overlay/diagnose/view.ts";
import type { OverlayNamespace } from "../../overlay/discover.ts";
import { readSandbox } from "../../overlay/local.ts";
import { macOfIp } from "../../overlay/truth/place.ts";
import { type Around, hasAddress } from "./targets.ts";

/** A namespace of one network, and who it is there. */
export interface Source {
  readonly from: { readonly pid: number } | { readonly path: string; readonly key: string };
  readonly ip: string;
  readonly mac: string;
}

/**
 * From where could be pinged, best first: swarm's load balancer, then containers, those that run longest. Never from the overlay's
 * own namespace: its bridge has the gateway's address on every host, so that no answer from another host finds back.
 */
export function sourcesIn({ networkId, containers }: Around, balancers: readonly Source[]): readonly Source[] {
  const own = containers
    .toSorted((a, b) => a.startedAt - b.startedAt)
    .flatMap(({ pid, attachments }) =>
      attachments
        .filter((one) => one.networkId === networkId && one.ipv4 !== "")
        // Engine 28 tells no MAC of some.
        .map(({ ipv4: ip, mac }) => ({ from: { pid }, ip, mac: mac.toLowerCase() || (macOfIp(ip) ?? "") })),
    );
  return [...balancers, ...own];
}

/** Whether answers find it: where its own MAC is on the vxlan port none does, and all others would seem lost. */
export const isFound = ({ mac }: Source, { view }: Around): boolean => rowsOnVxlan(view, mac).length === 0;

/** Swarm's load balancers of the network; one whose MAC can not be read is none. Rejects with the signal's reason. */
export async function balancersIn(
  { networkId, view }: Around,
  namespaces: readonly OverlayNamespace[],
  host: Host,
  signal: AbortSignal,
): Promise<readonly Source[]> {
  const { dump, run } = host.overlays;
  const inventory = host.docker.inventory();
  const sources = { inventory, namespaces, proc: host.proc, run, ...(dump === undefined ? {} : { dump }) };
  const own = namespaces.filter(({ kind, network }) => kind === "load-balancer" && network?.id === networkId);
  const found = await Promise.all(
    own.map(async (one) => {
      const devices = await readSandbox(one, view.input.tables.links, sources, signal);
      return devices.map(({ ip, mac }) => ({ from: { path: one.path, key: one.key }, ip, mac }));
    }),
  );
  return found.flat().filter(({ ip, mac }) => ip !== "" && mac !== "");
}

/** From one that was taken down meanwhile everybody seems lost. */
export function isThere({ from, ip }: Source, networkId: string, { proc, docker, overlays }: Host): boolean {
  if ("path" in from) return overlays.keyOf(from.path) === from.key;
  if (!docker.inventory().containers.some((one) => one.pid === from.pid && hasAddress(one, networkId, ip)))
    return false;
  try {
    // Docker's word comes some milliseconds later than the end of the process.
    proc.open(from.pid).close();
    return true;
  } catch (error) {
    if (error instanceof NotAvailable) return false;
    throw error;
  }
}
