import { isLoop } from "../diagnose/local.ts";
import { fdbLine, neighbourLine } from "../words.ts";
import { rowsOf, within } from "./command.ts";
import { isUnanswered, type Who } from "./ends.ts";
import { type Hop, type HopName, type Judged, right, unknown, wrong } from "./hop.ts";
import { portOf, sampledOf, selfRowsOf, type Side } from "./side.ts";

/** Where the bridge sends a container of the same host. */
export function bridgeToLocal(hop: HopName, side: Side, to: Who & { readonly veth?: string }): Hop {
  return {
    hop,
    host: side.host.host,
    what: `${side.bridge ?? "the bridge"} sends ${to.mac} to ${to.veth ?? "the port"} of ${to.name}`,
    command: rowsOf(side.space.netns, to.mac, "master"),
    ...toLocal(side, to),
  };
}

function toLocal(side: Side, to: Who & { readonly veth?: string }): Judged {
  const found = portOf(side, to.mac);
  const onVxlan = found?.link?.kind === "vxlan";
  const row = found === undefined ? "" : fdbLine(found.row);
  const { often, share } = shareOf(side, to.mac, onVxlan);
  if (often) return wrong(`out by the vxlan port, and not to the container: ${onVxlan ? row : to.mac}${share}`);
  if (found === undefined) return right("no row: it is sent to all ports");
  if (onVxlan) return right(`only for a moment on the vxlan port${share}`);
  if (to.veth === undefined) return unknown(`it is not certain which port is its own: ${row}`);
  return found.row.ifname === to.veth ? right(row) : wrong(`another port: ${row}`);
}

/** Whether the bridge has it on the vxlan port most of the time; on a healthy classic host it has for moments. */
function shareOf(side: Side, mac: string, onVxlan: boolean): { readonly often: boolean; readonly share: string } {
  const sampled = sampledOf(side, mac);
  if (sampled === undefined) return { often: onVxlan, share: "" };
  const share = ` (in ${sampled.onVxlan} of ${sampled.reads} readings)`;
  return { often: sampled.onVxlan * 2 > sampled.reads, share };
}

/** The bridge must not believe a container of another host to be here. */
export function bridgeToRemote(hop: HopName, side: Side, to: Who): Hop {
  const found = portOf(side, to.mac);
  const kind = found?.link?.kind;
  const judged =
    found === undefined
      ? right("no row: it is sent to all ports, the vxlan port too")
      : kind === "vxlan"
        ? right(fdbLine(found.row))
        : wrong(`to a port of this host: ${fdbLine(found.row)}`);
  return {
    hop,
    host: side.host.host,
    what: `${side.bridge ?? "the bridge"} sends ${to.mac} out by ${side.vxlan?.name ?? "the vxlan device"}`,
    command: rowsOf(side.space.netns, to.mac, "master"),
    ...judged,
  };
}

/** On a vxlan device, rows that answer for a container of this very host: the poison of moby#29024. */
export function proxyHop(side: Side, to: Who): Hop {
  const device = side.vxlan?.name ?? "the vxlan device";
  const neighbour = neighbourOf(side, to.ip);
  const rows = neighbour?.mac === undefined ? [] : [neighbourLine(neighbour)];
  const loops = selfRowsOf(side, to.mac).map(fdbLine);
  const all = [...rows, ...loops];
  return {
    hop: "proxy",
    host: side.host.host,
    what: `${device} does not answer for ${to.name}, which is here`,
    command: within(side.space.netns, "ip", "neigh", "show", "to", to.ip, ...dev(side)),
    ...(neighbour?.mac !== undefined && neighbour.mac !== to.mac
      ? wrong(`with another MAC: ${rows.join()}`)
      : right(all.length === 0 ? "it has no row" : `it does, which is latent, no harm now: ${all.join("; ")}`)),
  };
}

/** The way to other hosts: a device of this VNI, up and a port of the bridge. */
export function vxlanHop(hop: HopName, side: Side, vni?: number): Hop {
  const { vxlan, space, bridge } = side;
  const name = vxlan?.name ?? "a vxlan device";
  return {
    hop,
    host: side.host.host,
    what: `${name}${vni === undefined ? "" : ` has VNI ${vni},`} is up and a port of ${bridge ?? "the bridge"}`,
    command: within(space.netns, "ip", "-d", "link", "show", ...(vxlan === undefined ? ["type", "vxlan"] : dev(side))),
    ...vxlanJudged(side, vni),
  };
}

function vxlanJudged({ vxlan, view }: Side, vni: number | undefined): Judged {
  if (vxlan === undefined) {
    const several = view.subnets.length > 1;
    return several ? unknown("it is not certain in which subnet it is") : wrong("there is no vxlan device");
  }
  if (!vxlan.up) return wrong(`${vxlan.name} is down`);
  if (vxlan.master === undefined) return wrong(`${vxlan.name} is a port of no bridge`);
  if (vni !== undefined && vxlan.vxlan?.vni !== vni) return wrong(`its VNI is ${vxlan.vxlan?.vni ?? "not told"}`);
  return right("it is");
}

/** The row by which the vxlan device answers ARP in the name of a container elsewhere. */
export function neighbourHop(hop: HopName, side: Side, to: Who): Hop {
  return {
    hop,
    host: side.host.host,
    what: `${side.vxlan?.name ?? "the vxlan device"} answers ARP for ${to.ip} with ${to.mac}`,
    command: within(side.space.netns, "ip", "neigh", "show", "to", to.ip, ...dev(side)),
    ...neighbourJudged(side, to),
  };
}

function neighbourJudged(side: Side, to: Who): Judged {
  const row = neighbourOf(side, to.ip);
  if (row?.mac === to.mac) return right(neighbourLine(row));
  if (row?.mac !== undefined) return wrong(`with another MAC: ${neighbourLine(row)}`);
  // dockerd is told of a miss, asks the other engines and writes the row, on classic engines only.
  if (side.network.driver === "classic" && side.vxlan?.vxlan?.l3miss !== false)
    return isUnanswered(side, to)
      ? wrong("no row, and the engine did not write one when it was asked for")
      : right("no row yet: the engine writes it when it is asked for");
  return wrong("no row: nobody answers for it here");
}

/** Where the other end is to be found. */
export interface Whereabouts {
  /** Addresses that lead there. Empty: nothing tells. */
  readonly vteps: readonly string[];
  /** Who says so. */
  readonly by: string;
}

/** The vxlan device's own row, to the other's host. */
export function selfRowHop(hop: HopName, side: Side, to: Who, where: Whereabouts): Hop {
  const device = side.vxlan?.name ?? "the vxlan device";
  const [vtep = "its host"] = where.vteps;
  return {
    hop,
    host: side.host.host,
    what: `${device} sends ${to.mac} to ${vtep}`,
    command: rowsOf(side.space.netns, to.mac, "self", ...dev(side)),
    ...selfRowJudged(side, to, where, hop),
  };
}

function selfRowJudged(side: Side, to: Who, where: Whereabouts, hop: HopName): Judged {
  const rows = selfRowsOf(side, to.mac);
  const own = new Set(side.host.ownVteps);
  const loop = rows.find((row) => isLoop(row, own));
  if (loop !== undefined) return wrong(`back to ${side.host.host} itself: ${fdbLine(loop)}`);
  const [first] = rows;
  if (first === undefined) return missingRow(side, to, hop);
  const learned = rows.every(({ state }) => state !== "permanent");
  const note = learned ? ", only learned: it goes when nothing comes from there for 5 minutes" : "";
  if (where.vteps.length === 0) return unknown(`nothing tells whether that is so: ${fdbLine(first)}`);
  const good = rows.find(({ dst }) => dst !== undefined && where.vteps.includes(dst));
  if (good !== undefined) return right(`${fdbLine(good)}${note}`);
  return wrong(`to ${first.dst ?? "nowhere"}, and ${where.by} says ${where.vteps.join(", ")}: ${fdbLine(first)}`);
}

function missingRow(side: Side, to: Who, hop: HopName): Judged {
  if (neighbourOf(side, to.ip)?.mac === undefined && side.network.driver === "classic")
    return right("no row yet: the engine writes it with the neighbour row");
  if (hop === "back-self-row" && side.vxlan?.vxlan?.learning === true)
    return right("no row: it is learned from each frame that comes from there");
  return wrong("no row: frames to it are dropped");
}

const neighbourOf = ({ space, view, vxlan }: Side, ip: string) =>
  space.neighbours.find(
    (row) =>
      row.ip === ip && (vxlan === undefined ? view.links.get(row.dev)?.kind === "vxlan" : row.dev === vxlan.name),
  );

const dev = ({ vxlan }: Side): readonly string[] => (vxlan === undefined ? [] : ["dev", vxlan.name]);
