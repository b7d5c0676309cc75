import type { RecorderSocket } from "../entry.ts";
import { sockets } from "../entry.ts";
import type { LinkLine } from "./monitor-line.ts";

/** What a bridge port is by its link kind; `unknown` until a dump has told. */
export type LinkKind = "bridge" | "vxlan" | "veth" | "other" | "unknown";

export interface Interface {
  readonly ifindex: number;
  /** Now. */
  readonly name: string;
  readonly kind: LinkKind;
}

/** The links of one namespace by index, and under which names each of its `ip` processes speaks of them. */
export interface InterfaceModel {
  /** What a dump showed; links that it does not have any more are kept only for late lines. */
  readonly dump: (links: readonly Interface[]) => void;
  /** A new `ip` process: it takes the names as they are now. */
  readonly restart: (socket: RecorderSocket) => void;
  /** A LINK line of one process. True when it brought an interface of unknown kind: a dump would tell. */
  readonly learn: (socket: RecorderSocket, link: LinkLine) => boolean;
  /** Whom a process means by this name. */
  readonly find: (socket: RecorderSocket, name: string) => Interface | undefined;
  /** Who has this name now. */
  readonly named: (name: string) => Interface | undefined;
}

/** Gone interfaces that are kept: `ip` prints deletions of their rows after their own. */
const goneKept = 256;

export function interfaceModel(): InterfaceModel {
  const model: Model = { links: new Map(), gone: new Map(), current: new Map(), past: new Map(), first: emptyFirst() };
  return {
    dump: (links) => {
      const seen = new Set(links.map(({ ifindex }) => ifindex));
      for (const ifindex of model.links.keys()) if (!seen.has(ifindex)) remove(model, ifindex);
      for (const link of links) put(model, link);
      // What a process has not printed a LINK line of, it has called so since it started.
      for (const socket of sockets) for (const { ifindex, name } of links) remember(model.first[socket], ifindex, name);
    },
    restart: (socket) => {
      model.first[socket] = newNames();
    },
    learn: (socket, link) => learn(model, socket, link),
    named: (name) => model.links.get(model.current.get(name) ?? 0),
    find: (socket, name) => model.first[socket].live.get(name) ?? look(model, socket, name),
  };
}

interface Model {
  readonly links: Map<number, Interface>;
  readonly gone: Map<number, Interface>;
  /** Index of the interface that has a name now, and of the last one that had it once. */
  readonly current: Map<string, number>;
  readonly past: Map<string, number>;
  readonly first: Record<RecorderSocket, Names>;
}

/**
 * The names of one `ip` process. iproute2 keeps the first name that it saw for an index and prints it in NEIGH and
 * ROUTE lines for ever (ll_entry_update never copies the new one), while Docker renames every link that it moves in.
 * `live` is what a look-up found, until the next change.
 */
interface Names {
  readonly byIndex: Map<number, string>;
  readonly byName: Map<string, number>;
  readonly live: Map<string, Interface>;
}

const newNames = (): Names => ({ byIndex: new Map(), byName: new Map(), live: new Map() });
const emptyFirst = (): Record<RecorderSocket, Names> => ({ bridge: newNames(), inet: newNames() });

function remember(names: Names, ifindex: number, name: string): void {
  if (names.byIndex.has(ifindex)) return;
  names.byIndex.set(ifindex, name);
  names.byName.set(name, ifindex);
}

function forget(names: Names, ifindex: number): void {
  const name = names.byIndex.get(ifindex);
  names.byIndex.delete(ifindex);
  if (name !== undefined && names.byName.get(name) === ifindex) names.byName.delete(name);
}

function learn(model: Model, socket: RecorderSocket, link: LinkLine): boolean {
  const { ifindex, name, removed } = link;
  if (removed) {
    forget(model.first[socket], ifindex);
    remove(model, ifindex);
    return false;
  }
  remember(model.first[socket], ifindex, name);
  const known = model.links.get(ifindex);
  if (known?.name === name && known.kind !== "unknown") return false;
  put(model, { ifindex, name, kind: known?.kind ?? "unknown" });
  return (known?.kind ?? "unknown") === "unknown";
}

function put(model: Model, { ifindex, name, kind }: Interface): void {
  const link = { ifindex, name, kind };
  const known = model.links.get(link.ifindex);
  if (known !== undefined && known.name !== link.name) rename(model, known);
  model.gone.delete(link.ifindex);
  model.links.set(link.ifindex, link);
  model.current.set(link.name, link.ifindex);
  changed(model);
}

function rename(model: Model, { name, ifindex }: Interface): void {
  if (model.current.get(name) === ifindex) model.current.delete(name);
  model.past.delete(name);
  model.past.set(name, ifindex);
  trim(model.past);
}

function remove(model: Model, ifindex: number): void {
  const link = model.links.get(ifindex);
  if (link === undefined) return;
  rename(model, link);
  model.links.delete(ifindex);
  model.gone.delete(ifindex);
  model.gone.set(ifindex, link);
  trim(model.gone);
  changed(model);
}

function trim(map: Map<unknown, unknown>): void {
  for (const key of map.keys()) {
    if (map.size <= goneKept) return;
    map.delete(key);
  }
}

function changed(model: Model): void {
  for (const socket of sockets) model.first[socket].live.clear();
}

function look(model: Model, socket: RecorderSocket, name: string): Interface | undefined {
  const names = model.first[socket];
  const told = names.byName.get(name) ?? model.current.get(name) ?? model.past.get(name);
  const ifindex = told ?? numbered(name) ?? theOnlyVxlan(model, name);
  const found = ifindex === undefined ? undefined : (model.links.get(ifindex) ?? model.gone.get(ifindex));
  if (found !== undefined) names.live.set(name, found);
  return found;
}

/** `if5`: what `ip` prints for an index that has no name any more. */
function numbered(name: string): number | undefined {
  const [, digits] = /^if(\d{1,10})$/u.exec(name) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/**
 * libnetwork moves the vxlan device in as `vx-VNI-ID` and renames it at once (ov_network.go, generateVxlanName): an
 * `ip` that started in between calls it so for ever, and nobody else ever did.
 */
function theOnlyVxlan({ links }: Model, name: string): number | undefined {
  const [only, ...more] = name.startsWith("vx-") ? [...links.values()].filter(({ kind }) => kind === "vxlan") : [];
  return more.length === 0 ? only?.ifindex : undefined;
}
