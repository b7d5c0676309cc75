import type { OverlayDriver } from "../engine.ts";
import type { FdbRow } from "../fdb.ts";
import type { Link } from "../links.ts";
import type { Neighbour } from "../neighbours.ts";
import type { RouteTo } from "../routes.ts";

/** What a packet's way needs to be known of one host: read from the machine, or from a bundle that was saved there. */
export interface HostTables {
  readonly host: string;
  /** Addresses by which this host is another's VTEP. */
  readonly ownVteps: readonly string[];
  /** The one of them that its engine gives to the others; empty where it does not tell. */
  readonly advertised: string;
  readonly networks: readonly NetworkTables[];
  /** How this host reaches other VTEPs. */
  readonly routes: readonly RouteTo[];
}

export interface NetworkTables {
  readonly id: string;
  readonly name: string;
  readonly driver: OverlayDriver;
  readonly encrypted: boolean;
  /** Docker there does not list it: `encrypted` is not known. */
  readonly unlisted?: true;
  /** Missing where this host has no namespace of the network, or it could not be read. */
  readonly space?: Space;
  /** The local ones. */
  readonly members: readonly Member[];
  /** Where endpoints run, by the swarm or the cluster store; null where nothing told. */
  readonly told: readonly Told[] | null;
}

/** The network's namespace. */
export interface Space {
  /** Path of its file, as a person on that host enters it. */
  readonly netns: string;
  readonly links: readonly Link[];
  readonly fdb: readonly FdbRow[];
  readonly neighbours: readonly Neighbour[];
  /** Rows that could not be read; missing where there is none. */
  readonly unreadable?: number;
  readonly mtus: readonly Mtu[];
  /** How often local MACs were on the vxlan port, where the bridge's table was read more than once. */
  readonly sampled: readonly Sampled[];
}

export interface Mtu {
  readonly device: string;
  readonly mtu: number;
}

export interface Sampled {
  readonly mac: string;
  readonly reads: number;
  readonly onVxlan: number;
}

export interface Member {
  readonly kind: "container" | "load-balancer" | "ingress";
  readonly name: string;
  readonly id?: string;
  readonly pid?: number;
  /** Empty where it has none. */
  readonly ip: string;
  readonly mac: string;
  /** Its port on the bridge, where that is certain. */
  readonly veth?: string;
  /** In the container's own namespace; missing where it was not looked at. */
  readonly inside?: Inside;
}

export interface Inside {
  readonly devices: readonly InsideDevice[];
  readonly neighbours: readonly Neighbour[];
}

export interface InsideDevice {
  readonly ifindex: number;
  readonly name: string;
  readonly up: boolean;
  readonly mtu: number;
  readonly mac?: string;
  /** IPv4, as `10.0.0.2/24`. */
  readonly addresses: readonly string[];
}

export interface Told {
  readonly ip: string;
  readonly mac: string;
  readonly vtep: string;
  readonly name: string;
}
