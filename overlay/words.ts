import { printable } from "../host/iproute2/error.ts";
import type { FdbRow } from "./fdb.ts";
import type { Neighbour } from "./neighbours.ts";

/** The first three, and how many more: who lists something may list a great many. */
export function fewOf<T>(all: readonly T[], textOf: (one: T) => string, between = ", "): string {
  const more = all.length - 3;
  return `${all.slice(0, 3).map(textOf).join(between)}${more > 0 ? ` and ${more} more` : ""}`;
}

/** A row as `bridge fdb show` prints it, so that a person finds it there. */
export function fdbLine({ mac, ifname, dst, vlan, linkNetnsid, flags, master, state }: FdbRow): string {
  const words = [
    mac,
    `dev ${ifname}`,
    ...(dst === undefined ? [] : [`dst ${dst}`]),
    ...(vlan === undefined ? [] : [`vlan ${vlan}`]),
    ...(linkNetnsid === undefined ? [] : [`link-netnsid ${linkNetnsid}`]),
    ...flags,
    ...(master === undefined ? [] : [`master ${master}`]),
    ...(state === "" ? [] : [state]),
  ];
  return printable(words.join(" "));
}

/** A row as `ip neigh show` prints it. */
export function neighbourLine({ ip, dev, mac, state }: Neighbour): string {
  return printable([ip, `dev ${dev}`, ...(mac === undefined ? [] : [`lladdr ${mac}`]), ...state].join(" "));
}
