import type { Iproute2 } from "../../host/iproute2/program.ts";
import type { FdbRow } from "../fdb.ts";
import type { Neighbour } from "../neighbours.ts";
import type { Tables } from "../tables.ts";

/** Everything that a cleanup or its undo may ever do to a namespace. There is no flush, and nothing that names no row. */
export type Change =
  /** Keep a MAC on its port: learning can not move a sticky row. `ifindex`: names of ports are used again. */
  | { readonly kind: "pin"; readonly mac: string; readonly dev: string; readonly ifindex: number }
  | { readonly kind: "drop-bridge-row"; readonly mac: string; readonly dev: string }
  | { readonly kind: "drop-neighbour"; readonly ip: string; readonly dev: string }
  | { readonly kind: "drop-self-row"; readonly mac: string; readonly dev: string; readonly dst: string }
  | { readonly kind: "learning"; readonly dev: string; readonly on: boolean }
  /** Has the kernel ask by ARP, once, who has an address: where the vxlan device knows of none, the engine looks it up anew. */
  | { readonly kind: "ask"; readonly ip: string; readonly dev: string }
  /** The rest puts rows back. */
  | { readonly kind: "put-neighbour"; readonly ip: string; readonly mac: string; readonly dev: string }
  | { readonly kind: "put-self-row"; readonly mac: string; readonly dev: string; readonly dst: string }
  | { readonly kind: "put-bridge-row"; readonly mac: string; readonly dev: string };

/** An argument that is no MAC, address or name of a device: nothing is run with it. */
export class BadChange extends Error {
  override readonly name = "BadChange";
}

type NeighbourChange = Extract<Change, { readonly ip: string }>;
type SelfChange = Extract<Change, { readonly dst: string }>;
type BridgeChange = Exclude<Change, NeighbourChange | SelfChange | { readonly kind: "learning" }>;

/** The very command. Throws `BadChange`. */
export function commandOf(change: Change): Iproute2 {
  for (const part of argumentsOf(change)) check(part);
  if (change.kind === "learning")
    return ["bridge", "link", "set", "dev", change.dev, "learning", change.on ? "on" : "off"];
  if ("ip" in change) return neighbourCommand(change);
  return "dst" in change ? selfCommand(change) : bridgeCommand(change);
}

function neighbourCommand(change: NeighbourChange): Iproute2 {
  if (change.kind === "ask") return ["ip", "neigh", "replace", change.ip, "dev", change.dev, "use"];
  return change.kind === "drop-neighbour"
    ? ["ip", "neigh", "del", change.ip, "dev", change.dev]
    : ["ip", "neigh", "replace", change.ip, "lladdr", change.mac, "dev", change.dev, "nud", "permanent"];
}

function selfCommand({ kind, mac, dev, dst }: SelfChange): Iproute2 {
  return kind === "drop-self-row"
    ? ["bridge", "fdb", "del", mac, "dev", dev, "dst", dst, "self"]
    : ["bridge", "fdb", "replace", mac, "dev", dev, "dst", dst, "self", "permanent"];
}

function bridgeCommand({ kind, mac, dev }: BridgeChange): Iproute2 {
  if (kind === "drop-bridge-row") return ["bridge", "fdb", "del", mac, "dev", dev, "master"];
  const how = kind === "pin" ? ["static", "sticky"] : ["dynamic"];
  return ["bridge", "fdb", "replace", mac, "dev", dev, "master", ...how];
}

type Argument = readonly [what: "mac" | "ip" | "dev", value: string];

function argumentsOf(change: Change): readonly Argument[] {
  const of = (what: Argument[0], value: string | undefined): readonly Argument[] =>
    value === undefined ? [] : [[what, value]];
  return [
    ...of("dev", change.dev),
    ...of("mac", "mac" in change ? change.mac : undefined),
    ...of("ip", "ip" in change ? change.ip : undefined),
    ...of("ip", "dst" in change ? change.dst : undefined),
  ];
}

const patterns: Readonly<Record<Argument[0], RegExp>> = {
  // Never a group address, never zero.
  mac: /^(?!00:00:00:00:00:00$)[\da-f][02468ace](?::[\da-f]{2}){5}$/,
  ip: /^(?:\d{1,3}\.){3}\d{1,3}$|^[\da-f:]*:[\da-f:.]*$/,
  // The kernel allows all but "/", ":" and spaces in 15 bytes; dockerd uses only these.
  dev: /^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/,
};

function check([what, value]: Argument): void {
  if (!patterns[what].test(value)) throw new BadChange(`not a ${what} to act on: ${JSON.stringify(value)}`);
}

/** Whether the tables show what a change is for: an exit code of 0 proves nothing (a wrong `dst` deletes nothing, and succeeds). */
export function isDone(change: Change, { fdb, neighbours, links }: Tables): boolean {
  if (change.kind === "learning")
    return links.some(({ name, portLearning }) => name === change.dev && portLearning === change.on);
  if (change.kind === "ask") return neighbours.some(({ ip, dev }) => ip === change.ip && dev === change.dev);
  if ("ip" in change) return isPut(change) === neighbours.some((row) => isNeighbour(row, change));
  if ("dst" in change) return isPut(change) === fdb.some((row) => isSelfRow(row, change));
  return isBridgeDone(change, fdb);
}

function isBridgeDone({ kind, mac, dev }: BridgeChange, fdb: readonly FdbRow[]): boolean {
  const row = fdb.find((one) => isBridgeRow(one, mac, dev));
  return kind === "drop-bridge-row" ? row === undefined : row?.flags.includes("sticky") === (kind === "pin");
}

const isPut = ({ kind }: Change): boolean => kind.startsWith("put-");

/** One that is being deleted loses its MAC first. */
const isNeighbour = (row: Neighbour, { ip, dev, ...rest }: { ip: string; dev: string; mac?: string }): boolean =>
  row.ip === ip && row.dev === dev && row.mac !== undefined && (rest.mac ?? row.mac) === row.mac;

const isBridgeRow = (row: FdbRow, mac: string, dev: string): boolean =>
  row.mac === mac && row.ifname === dev && row.master !== undefined && !row.flags.includes("self");

const isSelfRow = (row: FdbRow, { mac, dev, dst }: { mac: string; dev: string; dst: string }): boolean =>
  row.mac === mac && row.ifname === dev && row.dst === dst && row.flags.includes("self");

/** What `isDone` looks for, for a person. */
export function expectationOf(change: Change): string {
  const no = change.kind.startsWith("drop-") ? "no " : "";
  if (change.kind === "learning") return `bridge -d link show dev ${change.dev}: learning ${change.on ? "on" : "off"}`;
  if ("ip" in change) return `ip neigh show: ${no}${change.ip} dev ${change.dev}`;
  if ("dst" in change) return `bridge fdb show: ${no}${change.mac} dev ${change.dev} dst ${change.dst} self`;
  return `bridge fdb show: ${no}${change.mac} dev ${change.dev} ${change.kind === "pin" ? "sticky " : ""}master`;
}
