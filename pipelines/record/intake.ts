import { printable } from "../../host/iproute2/error.ts";
import { given } from "../../overlay/rows.ts";
import type { RecorderSocket } from "../entry.ts";
import { isGroupMac } from "../mac.ts";
import type { MoveWatch } from "../moves.ts";
import type { PortClass, PortClock } from "../ports.ts";
import type { Counted, Fold, Scope } from "./fold.ts";
import type { Interface, InterfaceModel, LinkKind } from "./interfaces.ts";
import { type MonitorEvent, monitorParser } from "./monitor-line.ts";
import type { Draft } from "./stamp.ts";

/** What is known of one namespace, fed by its lines. */
export interface Models {
  readonly interfaces: InterfaceModel;
  readonly ports: PortClock;
  readonly moves: MoveWatch;
}

export interface IntakeParts extends Models {
  readonly scope: () => Scope;
  /** Containers of this host on this network, by MAC. */
  readonly local: () => ReadonlyMap<string, string>;
  readonly fold: Fold;
  readonly counted: (event: Counted) => void;
  /** A line that is none of `ip`'s events. */
  readonly unknown: (line: string) => void;
  /** A link came up whose kind only a dump tells. */
  readonly wantDump: () => void;
  /** A name that is no device's: a dump may tell whose it is. */
  readonly strange: (name: string) => void;
}

export const portClassOf = (kind: LinkKind | undefined): PortClass =>
  kind === "veth" || kind === "vxlan" ? kind : "unknown";

/** Takes the lines of one `ip` process: each becomes one counted event, or is unknown. */
export function intake(socket: RecorderSocket, parts: IntakeParts): (line: string) => void {
  const parse = monitorParser(socket);
  return (line) => {
    const event = parse(line);
    if (event === undefined) return parts.unknown(line);
    if (event.link !== undefined && parts.interfaces.learn(socket, event.link)) parts.wantDump();
    // Both sockets are told of every link: counted is what the other one says.
    if (event.object === "link" && socket === "bridge") return;
    take(parts, socket, event, line);
  };
}

function take(parts: IntakeParts, socket: RecorderSocket, event: MonitorEvent, line: string): void {
  const device = event.dev === undefined ? undefined : parts.interfaces.find(socket, event.dev);
  // A deletion may well be of a device that nobody knows any more.
  if (device === undefined && event.dev !== undefined && event.action !== "del") parts.strange(event.dev);
  const container = event.mac === undefined ? undefined : parts.local().get(event.mac);
  const meaning =
    event.object === "fdb" && event.mac !== undefined ? forwarding(parts, event, event.mac, device) : none;
  const counted: Counted = {
    object: event.object,
    action: event.action,
    at: event.at,
    mac: container === undefined ? "" : (event.mac ?? ""),
    container,
    moves: meaning.moves,
    flaps: meaning.flaps,
    vtepChanges: meaning.vtepChanges,
  };
  parts.counted(counted);
  parts.fold.add(parts.scope(), counted, () => single(parts.scope(), counted, event, device, line));
}

type Meaning = Pick<Counted, "moves" | "flaps" | "vtepChanges">;

const none: Meaning = { moves: 0, flaps: 0, vtepChanges: 0 };
const move: Meaning = { moves: 1, flaps: 0, vtepChanges: 0 };
const flap: Meaning = { moves: 1, flaps: 1, vtepChanges: 0 };
const vtepChange: Meaning = { moves: 0, flaps: 0, vtepChanges: 1 };

function forwarding(models: Models, event: MonitorEvent, mac: string, device: Interface | undefined): Meaning {
  if (isGroupMac(mac)) return none;
  if (event.dst !== undefined) return selfRow(models, event.action, mac, event.dst);
  // A port's own address: Docker never gives it to a container.
  return event.permanent ? none : bridgeRow(models, event, mac, device);
}

function selfRow({ moves }: Models, action: MonitorEvent["action"], mac: string, dst: string): Meaning {
  if (action !== "del") return moves.selfRow(mac, dst) ? vtepChange : none;
  moves.selfRowDeleted(mac);
  return none;
}

function bridgeRow({ ports, moves }: Models, event: MonitorEvent, mac: string, device: Interface | undefined): Meaning {
  const port = portClassOf(device?.kind);
  const ifindex = device?.ifindex ?? -1;
  if (event.action === "del") {
    if (ports.port(mac) === port) ports.set(mac, undefined, event.at);
    moves.deleted(mac, ifindex);
    return none;
  }
  ports.set(mac, port, event.at);
  const meant = moves.learned(mac, ifindex, port, event.at);
  // A row that was set by hand is no move of the kernel's.
  if (event.noarp || meant === "none") return none;
  return meant === "flapped" ? flap : move;
}

const afterStamp = "[2026-11-22T08:02:55.082412] ".length;

function single(
  scope: Scope,
  counted: Counted,
  event: MonitorEvent,
  device: Interface | undefined,
  line: string,
): Draft {
  const { object, action, at, container, ...meaning } = counted;
  return {
    kind: "event",
    ...scope,
    object,
    action,
    count: 1,
    since: at,
    message: printable(line.slice(line.indexOf("]", afterStamp) + 1)).trim(),
    ...given("dev", nameOf(device?.name ?? event.dev)),
    ...given("ifindex", device?.ifindex ?? event.ifindex),
    ...given("mac", event.mac),
    ...given("ip", event.ip),
    ...given("dst", event.dst),
    ...given("container", container),
    ...(meaning.moves > 0 ? { moves: meaning.moves } : {}),
    ...(meaning.flaps > 0 ? { flaps: meaning.flaps } : {}),
    ...(meaning.vtepChanges > 0 ? { vtepChanges: meaning.vtepChanges } : {}),
  };
}

/** A device may be called anything without blanks, slashes and colons. */
const nameOf = (name: string | undefined): string | undefined => (name === undefined ? undefined : printable(name));
