import { contains, parseIpv4, parseSubnet } from "../../host/ipv4.ts";
import { inside, shellWords } from "./command.ts";
import { arpHop, clean, interfaceHop, unanswered, vethHop, type Who } from "./ends.ts";
import { type Hop, unknown, wrong } from "./hop.ts";
import {
  bridgeToLocal,
  bridgeToRemote,
  neighbourHop,
  proxyHop,
  selfRowHop,
  vxlanHop,
  type Whereabouts,
} from "./rows.ts";
import { selfRowsOf, type Side } from "./side.ts";
import type { HostTables, Told } from "./tables.ts";
import { mtuHop, routeHop, sourceHop, underlayTargets } from "./underlay.ts";

/** Who the packet is for. */
export interface Target extends Who {
  /** Where its host's tables are known. */
  readonly side?: Side;
  /** The host that it should be on, where that is known and its tables do not have it. */
  readonly host?: HostTables;
  readonly told?: Told;
}

export interface Way {
  readonly a: Side;
  readonly b: Target;
}

/** The hops of a packet, up to the first wrong one. */
export function walk({ a, b }: Way): readonly Hop[] {
  const hops = hopsOf(a, b).map(clean);
  const end = hops.findIndex(({ ok }) => ok === false);
  return end >= 0 ? hops.slice(0, end + 1) : symptomLast(hops);
}

function hopsOf(a: Side, b: Target): readonly Hop[] {
  if (isElsewhere(a, b)) return [subnetHop(a, b)];
  if (b.side?.host === a.host) return localHops(a, b.side);
  return [...nearHops(a, b), ...(b.side === undefined ? [] : farHops(a, b.side))];
}

/** That nobody answered is the fault where nothing else explains it. */
function symptomLast(hops: readonly Hop[]): readonly Hop[] {
  const at = hops.findIndex(({ why }) => why === unanswered);
  return at < 0
    ? hops
    : hops.slice(0, at + 1).map((hop) => {
        if (hop.why !== unanswered) return hop;
        return { ...hop, ...wrong("nobody has answered, and no table that is known tells why") };
      });
}

/** Another subnet of the network is reached through a gateway, which is not followed. */
function isElsewhere({ device, member }: Side, { ip }: Who): boolean {
  const own = device?.addresses.find((address) => address.startsWith(`${member.ip}/`));
  const subnet = own === undefined ? undefined : parseSubnet(own);
  const address = parseIpv4(ip);
  return subnet !== undefined && address !== undefined && !contains(subnet, address);
}

function subnetHop({ host, member }: Side, to: Who): Hop {
  return {
    hop: "subnet",
    host: host.host,
    what: `${member.name} and ${to.name} are in one subnet`,
    command: inside(member.pid, "ip", "route", "get", to.ip),
    ...unknown("they are not: the way through the gateway is not followed"),
  };
}

function localHops(a: Side, b: Side): readonly Hop[] {
  return [
    interfaceHop("interface", a),
    arpHop("arp", a, b.member),
    vethHop("veth", a),
    bridgeToLocal("bridge", a, b.member),
    proxyHop(a, b.member),
    vethHop("peer-veth", b),
    interfaceHop("peer-interface", b),
    arpHop("back-arp", b, a.member),
    bridgeToLocal("back-bridge", b, a.member),
  ];
}

function nearHops(a: Side, b: Target): readonly Hop[] {
  const where = whereaboutsOf(b, a);
  const [vtep] = underlayTargets(a, b.mac, where.vteps);
  return [
    ...placeHops(b),
    interfaceHop("interface", a),
    arpHop("arp", a, b),
    vethHop("veth", a),
    bridgeToRemote("bridge", a, b),
    vxlanHop("vxlan", a),
    neighbourHop("neighbour", a, b),
    selfRowHop("self-row", a, b, where),
    ...(vtep === undefined
      ? []
      : [routeHop("route", a, vtep), sourceHop("source-address", a, vtep, knownAs(a, b.side)), mtuHop(a, vtep)]),
  ];
}

/** What is true of the other host, in the order of the packet: it arrives, is let in, delivered, and answered. */
function farHops(a: Side, b: Side): readonly Hop[] {
  const where = whereaboutsOf({ ...a.member, side: a, ...toldOf(a) }, b);
  const [vtep] = underlayTargets(b, a.member.mac, where.vteps);
  return [
    vxlanHop("peer-vxlan", b, a.vxlan?.vxlan?.vni),
    selfRowHop("back-self-row", b, a.member, where),
    bridgeToLocal("peer-bridge", b, b.member),
    vethHop("peer-veth", b),
    interfaceHop("peer-interface", b),
    arpHop("back-arp", b, a.member),
    bridgeToRemote("back-bridge", b, a.member),
    neighbourHop("back-neighbour", b, a.member),
    ...(vtep === undefined
      ? []
      : [routeHop("back-route", b, vtep), sourceHop("back-source-address", b, vtep, knownAs(b, a))]),
  ];
}

function placeHops({ name, host, told, side }: Target): readonly Hop[] {
  if (side !== undefined || host === undefined) return [];
  const why =
    told === undefined ? "it is not there" : `${told.vtep} is its host, and Docker there lists no such container`;
  const command = shellWords("docker", "ps", "--filter", `name=${name}`);
  return [{ hop: "place", host: host.host, what: `${name} runs on ${host.host}`, command, ...wrong(why) }];
}

/** By the other host's own tables, else by what the swarm or the cluster store tells. */
function whereaboutsOf({ side, told }: Target, from: Side): Whereabouts {
  if (side !== undefined) {
    const { advertised, ownVteps, host } = side.host;
    return {
      vteps: [...new Set([told?.vtep ?? advertised, ...ownVteps])].filter((ip) => ownVteps.includes(ip)),
      by: host,
    };
  }
  const by = from.network.driver === "swarm" ? "the swarm" : "the cluster store";
  return told === undefined ? { vteps: [], by } : { vteps: [told.vtep], by };
}

/** What the swarm or the store tells of a container that is known to be here, as far as it agrees. */
function toldOf({ network, member, host }: Side): { readonly told?: Told } {
  const told = network.told?.find(({ ip, mac, vtep }) => {
    return ip === member.ip && mac === member.mac && host.ownVteps.includes(vtep);
  });
  return told === undefined ? {} : { told };
}

/** The address that other hosts have for this one; empty where nothing tells. A swarm's data path may have one of its own. */
function knownAs(side: Side, peer: Side | undefined): string {
  const { told } = toldOf(side);
  if (told !== undefined) return told.vtep;
  if (side.network.driver === "classic") return side.host.advertised;
  const row = peer === undefined ? undefined : selfRowsOf(peer, side.member.mac)[0];
  return row?.dst ?? "";
}
