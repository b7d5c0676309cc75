import type { Container, Inventory } from "../../host/docker/inventory.ts";
import { isLoop } from "../../overlay/diagnose/local.ts";
import { decidingRows, rowsOnVxlan, type View } from "../../overlay/diagnose/view.ts";
import type { OverlayDriver } from "../../overlay/engine.ts";
import type { Place, Telling } from "../../overlay/truth/place.ts";

export interface Target extends Place {
  readonly placement: "local" | "remote";
  /** Of a swarm's service, where the name tells. */
  readonly service?: string;
}

/** What is known of one network on this host before anything is sent. */
export interface Around {
  readonly networkId: string;
  readonly driver: OverlayDriver;
  readonly containers: readonly Container[];
  readonly telling: Telling;
  readonly view: View;
  readonly ownVteps: ReadonlySet<string>;
}

/**
 * Whom a ping can not harm. In swarm mode everybody. On a classic engine an ARP request that nobody's row answers has the engine
 * write rows, and those of a local container are what cuts it off: there only whose neighbour row is here already, so that the
 * proxy answers and no row is added; of this host only who is pinned as well.
 */
export function targetsIn(around: Around): readonly Target[] {
  const all = around.telling.places.map((place) => targetOf(place, around));
  const seen = new Map(all.filter((one) => mayBePinged(one, around)).map((one) => [one.ip, one]));
  return [...seen.values()].toSorted((a, b) => (a.name < b.name || (a.name === b.name && a.ip < b.ip) ? -1 : 1));
}

/** `shop_web.2.<task id>`: a task id is new at each deployment, and each would be a new billed series. */
const taskName = /^((.+)\.[^.]+)\.[0-9a-z]{25}$/u;

function targetOf(place: Place, { ownVteps }: Around): Target {
  const placement = ownVteps.has(place.vtep) ? "local" : "remote";
  const [, name, service] = taskName.exec(place.name) ?? [];
  return name === undefined || service === undefined ? { ...place, placement } : { ...place, name, service, placement };
}

function mayBePinged({ ip, mac, placement }: Target, { driver, view }: Around): boolean {
  if (driver === "swarm") return true;
  const isAnswered = (view.answered.get(ip) ?? []).some(({ state }) => state.includes("PERMANENT"));
  const isPinned = (): boolean => decidingRows(view, mac).some(({ flags }) => flags.includes("sticky"));
  return isAnswered && (placement === "remote" || isPinned());
}

/** What is sent to it comes back to this host's bridge by the vxlan port, and draws its sender's MAC there: a ping would harm. */
export function isInLoop({ mac }: Target, { view, ownVteps }: Around): boolean {
  const leadsBack = (view.selfRows.get(mac) ?? []).some((row) => isLoop(row, ownVteps));
  return leadsBack && rowsOnVxlan(view, mac).length === decidingRows(view, mac).length;
}

/** So many of them, others each time, all in turn. */
export function sampleOf(targets: readonly Target[], turn: number, most: number): readonly Target[] {
  if (targets.length <= most) return targets;
  const start = (turn * most) % targets.length;
  return [...targets, ...targets].slice(start, start + most);
}

/** Whether it is told to be, and as far as Docker here can tell is, what and where it was when it was pinged. */
export function isStill(target: Target, networkId: string, { places }: Telling, { containers }: Inventory): boolean {
  const { endpoint, ip, vtep, placement } = target;
  const isTold = places.some((place) => place.endpoint === endpoint && place.ip === ip && place.vtep === vtep);
  return isTold && (placement === "remote" || containers.some((one) => hasAddress(one, networkId, ip)));
}

export const hasAddress = ({ attachments }: Container, networkId: string, ip: string): boolean =>
  attachments.some((one) => one.networkId === networkId && one.ipv4 === ip);
