import type { Device } from "./devices.ts";
import type { Link } from "./links.ts";
import { given } from "./rows.ts";

/** Who holds an address of an overlay network on this host. */
export interface Owner {
  /** Swarm's load balancer of a network and its ingress gate hold a MAC and an address too. */
  readonly kind: "container" | "load-balancer" | "ingress";
  /** The container's name; `lb-NETWORK` and `ingress-endpoint` as Docker calls the others. */
  readonly name: string;
  /** Of the container. */
  readonly id?: string;
}

/** A local endpoint, before it is known on which veth it is. */
export interface Attached {
  readonly owner: Owner;
  /** Empty where it has none. */
  readonly ip: string;
  /** More addresses of the same MAC: a load balancer's virtual ones. */
  readonly aliases?: readonly string[];
  /** In lower case; empty where Docker tells none. */
  readonly mac: string;
  /** Those that can be the one in this network; undefined where they could not be read. */
  readonly devices: readonly Device[] | undefined;
}

export interface Endpoint extends Omit<Attached, "devices"> {
  /** Its port on the overlay's bridge; missing where that is not certain. */
  readonly veth?: Link;
}

/**
 * Which veth belongs to whom: each end of a pair tells the other end's index. Where two fit one endpoint, or one fits
 * two, it is told of neither: a pin on the wrong port would cut off a healthy container.
 */
export function joinEndpoints(attached: readonly Attached[], links: readonly Link[]): readonly Endpoint[] {
  const veths = links.filter(({ kind, linkIndex, linkNetnsid }) => {
    return kind === "veth" && linkIndex !== undefined && linkNetnsid !== undefined;
  });
  const found = attached.map(({ devices = [] }) => veths.filter((veth) => devices.some((one) => isPeer(veth, one))));
  const claims = new Map<Link, number>();
  for (const veth of found.flat()) claims.set(veth, (claims.get(veth) ?? 0) + 1);
  return attached.map(({ devices: _devices, ...endpoint }, index) => {
    const [veth, ...more] = found[index] ?? [];
    const certain = veth !== undefined && more.length === 0 && claims.get(veth) === 1;
    return { ...endpoint, ...given("veth", certain ? veth : undefined) };
  });
}

function isPeer(veth: Link, device: Device): boolean {
  return veth.linkIndex === device.ifindex && (device.linkIndex === undefined || device.linkIndex === veth.ifindex);
}
