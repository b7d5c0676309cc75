import type { Network } from "../host/docker/inventory.ts";
import type { NamespaceFile } from "../host/netns/list.ts";

/**
 * What a namespace in Docker's folder is: `overlay` with the bridge and vxlan of one network; `load-balancer` of one
 * (swarm); `ingress`, swarm's gate from outside; `orphan`: named like one of the first two, for a network that Docker
 * does not tell of (yet), or that can not be told from another one.
 */
export type NamespaceKind = "overlay" | "load-balancer" | "ingress" | "orphan";

export interface OverlayNamespace {
  /** Name of its file. */
  readonly file: string;
  readonly path: string;
  readonly inode: number;
  /** The same for one life of a namespace, and for no other; the inode may be used again. */
  readonly key: string;
  readonly kind: NamespaceKind;
  /** Of an overlay's namespace: grows each time the engine makes it anew; 1 after the engine's start. */
  readonly epoch?: number;
  readonly network?: { readonly id: string; readonly name: string };
  /** Where two networks fit: their ids. */
  readonly ambiguous?: readonly string[];
}

/** VXLAN network identifiers of the devices inside, by the namespace's key; needed only where two networks fit. */
export type VnisByKey = ReadonlyMap<string, readonly number[]>;

/** Whether a file's name can be that of one of ours: container sandboxes (12 hexadecimal digits) and `default` are not. */
export function isOverlayName(name: string): boolean {
  return parseName(name) !== undefined;
}

/** By name of file. */
export function discover(
  files: readonly NamespaceFile[],
  networks: readonly Network[],
  vnis: VnisByKey = new Map(),
): readonly OverlayNamespace[] {
  const overlays = networks.filter(({ driver }) => driver === "overlay");
  return files.flatMap(({ name, path, inode, key }) => {
    const named = parseName(name);
    if (named === undefined) return [];
    const found = among(fitting(named, overlays), vnis.get(key) ?? []);
    return [{ file: name, path, inode, key, ...described(named, found) }];
  });
}

interface Named {
  readonly kind: Exclude<NamespaceKind, "orphan">;
  readonly idPrefix: string;
  readonly epoch?: number;
}

/**
 * libnetwork's GenerateKey cuts names to 12 characters: `1-` and ten of the network's id, `12-` and nine, `lb_` and
 * nine. Ids are hexadecimal (classic) or of base 36 (swarm).
 */
function parseName(name: string): Named | undefined {
  if (name === "ingress_sbox") return { kind: "ingress", idPrefix: "" };
  if (name.length !== 12) return undefined;
  const [, epoch, idPrefix] = /^(\d{1,7})-([0-9a-z]+)$/.exec(name) ?? [];
  if (epoch !== undefined && idPrefix !== undefined) return { kind: "overlay", idPrefix, epoch: Number(epoch) };
  const [, balanced] = /^lb_([0-9a-z]+)$/.exec(name) ?? [];
  return balanced === undefined ? undefined : { kind: "load-balancer", idPrefix: balanced };
}

function fitting(named: Named, overlays: readonly Network[]): readonly Network[] {
  return named.kind === "ingress"
    ? overlays.filter(({ name }) => name === "ingress")
    : overlays.filter(({ id }) => id.startsWith(named.idPrefix));
}

/** Of several, the one that has one of the VNIs inside. */
function among(networks: readonly Network[], inside: readonly number[]): readonly Network[] {
  if (networks.length < 2) return networks;
  const having = networks.filter(({ vnis }) => vnis.some((vni) => inside.includes(vni)));
  return having.length === 1 ? having : networks;
}

function described(
  { kind, epoch }: Named,
  found: readonly Network[],
): Omit<OverlayNamespace, "file" | "path" | "inode" | "key"> {
  const [only] = found;
  const known = epoch === undefined ? {} : { epoch };
  if (only !== undefined && found.length === 1) return { kind, ...known, network: { id: only.id, name: only.name } };
  const ambiguous = found.length > 1 ? { ambiguous: found.map(({ id }) => id) } : {};
  // The gate has no network in its name, so it is no orphan for want of one.
  return { kind: kind === "ingress" ? kind : "orphan", ...known, ...ambiguous };
}
