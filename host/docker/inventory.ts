/** A network that one container is attached to, from `NetworkSettings.Networks` of its inspect answer. */
export interface Attachment {
  readonly name: string;
  readonly networkId: string;
  /** Empty where the network has no IPv4; without the prefix length. */
  readonly ipv4: string;
  readonly ipv6: string;
  readonly mac: string;
}

/** One running container, from `GET /containers/ID/json`. */
export interface Container {
  readonly id: string;
  /** Without the leading slash; the first 12 characters of the id where Docker gives no name. */
  readonly name: string;
  /** `Config.Image`: what the user asked for, a reference or a bare id. */
  readonly image: string;
  readonly pid: number;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** `HostConfig.NetworkMode`: `host`, `none`, `default`, a network's name, or `container:<id>`. */
  readonly networkMode: string;
  /** The file of its network namespace in Docker's folder of them; missing where it has none of its own. */
  readonly sandbox?: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Only the variables that name a unified service tag (DD_ENV, DD_SERVICE, DD_VERSION): others may hold secrets. */
  readonly env: Readonly<Record<string, string>>;
  readonly attachments: readonly Attachment[];
}

export interface Network {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly scope: string;
  /** `IPAM.Config[].Subnet`, IPv4 and IPv6, as `a.b.c.d/n`. */
  readonly subnets: readonly string[];
  /** VXLAN network identifiers of a swarm's overlay, in the order of its subnets; a classic overlay tells none. */
  readonly vnis: readonly number[];
  /** Made with the option `encrypted`: its tunnels are IPsec. */
  readonly encrypted?: true;
  readonly ipv6?: true;
}

export interface Inventory {
  /** `never`: no answer yet. `stale`: Docker does not answer now, this is the last known good. */
  readonly state: "never" | "live" | "stale";
  /** When Docker last confirmed it, in milliseconds since the epoch; 0 if never. */
  readonly asOf: number;
  /** Grows with every change, so that a reader can cache what it derives. */
  readonly revision: number;
  readonly containers: readonly Container[];
  readonly networks: readonly Network[];
  /** What went wrong last, for people, where state is not `live`. */
  readonly error?: string;
}

export const emptyInventory: Inventory = { state: "never", asOf: 0, revision: 0, containers: [], networks: [] };
