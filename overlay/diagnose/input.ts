import type { Filling } from "../../host/tables.ts";
import type { Endpoint } from "../endpoints.ts";
import type { OverlayDriver } from "../engine.ts";
import type { Link } from "../links.ts";
import type { Tables } from "../tables.ts";
import type { Truth } from "../truth/truth.ts";

export type { Filling };

/** Where a MAC's row of the bridge was, over some time. */
export interface Activity {
  /** Share of the last 2 s on the vxlan port, 0 to 1, by the recorder. Decides where it is given. */
  readonly share?: number;
  /** How often the bridge's table was read within about 1 s, and how often the MAC was on the vxlan port. */
  readonly reads: number;
  readonly onVxlan: number;
}

export interface NamespaceInput {
  readonly file: string;
  /** Together with the file it is one life of the namespace. */
  readonly key: string;
  readonly kind: "overlay" | "load-balancer" | "ingress" | "orphan";
  /** Missing where no network that Docker knows, or more than one, fits the namespace. */
  readonly network?: { readonly id: string; readonly name: string };
  readonly ambiguous?: readonly string[];
  /** Only the containers attached to it tell of the network: what it is made with is not known. */
  readonly unlisted?: true;
  /** What the network is made with: such are healed by a person only. */
  readonly encrypted?: boolean;
  readonly ipv6?: boolean;
  readonly tables: Tables;
  /** The tables again, a second later: what a single reading catches between two of the engine's writes is no fault. */
  readonly later?: Tables;
  /** Missing: Docker did not tell. An empty list is what it says: no container here. */
  readonly endpoints?: readonly Endpoint[];
  /** By MAC, in lower case; missing where nothing was sampled. */
  readonly activity?: ReadonlyMap<string, Activity>;
  /** What is known of containers on other hosts, where something told. */
  readonly truth?: Truth;
  /** Why nothing told. */
  readonly untold?: string;
}

export interface DiagnoseInput {
  readonly engine: { readonly version: string | undefined; readonly driver: OverlayDriver };
  /** Addresses by which this host is another's VTEP. Empty: unknown. */
  readonly ownVteps: readonly string[];
  readonly namespaces: readonly NamespaceInput[];
  readonly hostLinks?: readonly Link[];
  /** The same, some seconds earlier: a vxlan device is made in the host's namespace and moved at once. */
  readonly hostLinksBefore?: readonly Link[];
  /** Tables of the whole host with their limits; absent is not judged. */
  readonly neighbours?: Filling;
  /** How many found no place while a full table was looked at. */
  readonly neighboursRefused?: number;
  readonly conntrack?: Filling;
}
