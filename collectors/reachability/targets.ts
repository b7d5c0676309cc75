import type { Container } from "../../host/docker/inventory.ts";
import type { OverlayNamespace } from "../../overlay/discover.ts";
import type { OverlayDriver } from "../../overlay/engine.ts";
import type { Tables } from "../../overlay/tables.ts";
import type { Place, Telling } from "../../overlay/truth/place.ts";

export interface Target {
  readonly ip: string;
  readonly name: string;
  readonly placement: "local" | "remote";
}

export type Source = { readonly pid: number; readonly ip: string } | { readonly path: string };

export interface Around {
  readonly networkId: string;
  readonly driver: OverlayDriver;
  readonly containers: readonly Container[];
  /** All of this host. */
  readonly namespaces: readonly OverlayNamespace[];
  readonly telling: Telling;
  readonly tables: Tables;
  readonly ownVteps: ReadonlySet<string>;
}

/**
 * From where it may be pinged: a swarm's load balancer, else a container. Never from the overlay's own namespace: its bridge has
 * the gateway's address on every host, so that no answer from another host finds back.
 */
export function sourceIn({ networkId, containers, namespaces }: Around): Source | undefined {
  const balancer = namespaces.find(({ kind, network }) => kind === "load-balancer" && network?.id === networkId);
  if (balancer !== undefined) return { path: balancer.path };
  const [first] = containers
    .filter(({ pid }) => pid > 0)
    .flatMap(({ pid, attachments }) =>
      attachments.filter((one) => one.networkId === networkId && one.ipv4 !== "").map(({ ipv4: ip }) => ({ pid, ip })),
    );
  return first;
}

/**
 * Whom a ping can not harm. In swarm mode everybody. On a classic engine an ARP request for a local container has the engine
 * write the rows that cut it off: there only pinned ones, and those on other hosts whose neighbour row is here already, so that
 * the proxy answers and no row is added.
 */
export function targetsIn(around: Around, source: Source): readonly Target[] {
  const own = "ip" in source ? source.ip : "";
  const all = around.telling.places.filter(({ ip }) => ip !== own);
  const harmless = around.driver === "swarm" ? all : harmlessOf(all, around);
  const seen = new Map(harmless.map((place) => [place.ip, targetOf(place, around)]));
  return [...seen.values()].toSorted((a, b) => (a.name < b.name || (a.name === b.name && a.ip < b.ip) ? -1 : 1));
}

function targetOf({ ip, name, vtep }: Place, { ownVteps }: Around): Target {
  return { ip, name: stableName(name), placement: ownVteps.has(vtep) ? "local" : "remote" };
}

/** `shop_web.2.<task id>`: a task id is new at each deployment, and each would be a new billed series. */
const stableName = (name: string): string => name.replace(/^(.+\.[^.]+)\.[0-9a-z]{25}$/u, "$1");

function harmlessOf(places: readonly Place[], { tables, ownVteps }: Around): readonly Place[] {
  const { links, neighbours, fdb } = tables;
  const vxlans = new Set(links.filter(({ kind }) => kind === "vxlan").map(({ name }) => name));
  const pinned = new Set(fdb.filter(({ flags }) => flags.includes("sticky")).map(({ mac }) => mac));
  const answered = neighbours.filter(({ dev, state }) => vxlans.has(dev) && state.includes("PERMANENT"));
  const known = new Set(answered.map(({ ip }) => ip));
  return places.filter(({ ip, mac, vtep }) => (ownVteps.has(vtep) ? pinned.has(mac) : known.has(ip)));
}

/** So many of them, others each time, all in turn. */
export function sampleOf(targets: readonly Target[], turn: number, most: number): readonly Target[] {
  if (targets.length <= most) return targets;
  const start = (turn * most) % targets.length;
  return [...targets, ...targets].slice(start, start + most);
}
