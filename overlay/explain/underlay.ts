import { headerBytes } from "../diagnose/underlay.ts";
import type { RouteTo } from "../routes.ts";
import { inside, shellWords } from "./command.ts";
import { type Hop, type HopName, type Judged, right, unknown, wrong } from "./hop.ts";
import { mtuOf, selfRowsOf, type Side } from "./side.ts";

/** Addresses of the hosts that a MAC is sent to: by the rows that are there, by what is said where there is none. */
export function underlayTargets(side: Side, mac: string, said: readonly string[]): readonly string[] {
  const rows = selfRowsOf(side, mac).flatMap(({ dst }) => (dst === undefined ? [] : [dst]));
  const known = rows.filter((dst) => said.length === 0 || said.includes(dst));
  return known.length > 0 ? known.slice(0, 1) : said.slice(0, 1);
}

const routeTo = ({ host }: Side, vtep: string): RouteTo | undefined => host.routes.find(({ to }) => to === vtep);

export function routeHop(hop: HopName, side: Side, vtep: string): Hop {
  const route = routeTo(side, vtep);
  return {
    hop,
    host: side.host.host,
    what: `${side.host.host} has a route to ${vtep}`,
    command: shellWords("ip", "route", "get", vtep),
    ...routeJudged(route),
  };
}

function routeJudged(route: RouteTo | undefined): Judged {
  if (route === undefined) return unknown("it was not asked for");
  return route.problem === undefined ? right(`by ${route.device ?? "?"}`) : wrong(`it has none: ${route.problem}`);
}

/** What the other host drops where it is not the address that its own row for the sender has (vxlan_snoop). */
export function sourceHop(hop: HopName, side: Side, vtep: string, expected: string): Hop {
  return {
    hop,
    host: side.host.host,
    what: `what goes to ${vtep} comes from ${expected === "" ? "the address that the others know" : expected}`,
    command: shellWords("ip", "route", "get", vtep),
    ...sourceJudged(side, vtep, expected),
  };
}

function sourceJudged(side: Side, vtep: string, expected: string): Judged {
  const source = side.vxlan?.vxlan?.local ?? routeTo(side, vtep)?.source;
  if (source === undefined) return unknown("the route does not tell its source");
  if (expected === "") return unknown(`it comes from ${source}; nothing tells what the others expect`);
  return source === expected ? right("it does") : wrong(`it comes from ${source}, and the others drop that`);
}

/** What the container sends must fit, with the header around it. */
export function mtuHop(side: Side, vtep: string): Hop {
  const route = routeTo(side, vtep);
  const name = side.device?.name ?? "eth0";
  const header = headerBytes(side.network.encrypted);
  const uplink = route?.device === undefined ? "" : `; ${shellWords("ip", "link", "show", "dev", route.device)}`;
  return {
    hop: "mtu",
    host: side.host.host,
    what: `the MTU of ${side.member.name} and ${header} more fit into that of ${route?.device ?? "the underlay"}`,
    command: `${inside(side.member.pid, "ip", "link", "show", "dev", name)}${uplink}`,
    ...mtuJudged(side, header, route?.mtu),
  };
}

function mtuJudged(side: Side, header: number, underlay: number | undefined): Judged {
  const own = side.device?.mtu;
  if (own === undefined || underlay === undefined) return unknown("not both of them are known");
  if (own + header > underlay) return wrong(`${own} + ${header} is more than ${underlay}: large packets are lost`);
  const device = side.vxlan === undefined ? undefined : mtuOf(side, side.vxlan.name);
  if (device !== undefined && own > device)
    return wrong(`${own} is more than the ${device} of ${side.vxlan?.name ?? "it"}: large packets are lost`);
  return right(`${own} + ${header} in ${underlay}`);
}
