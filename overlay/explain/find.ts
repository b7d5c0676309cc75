import { printable } from "../../host/iproute2/error.ts";
import { contains, parseIpv4, parseSubnet } from "../../host/ipv4.ts";
import { macOfIp } from "../truth/place.ts";
import { sideOf } from "./side.ts";
import type { HostTables, Member, NetworkTables, Told } from "./tables.ts";
import type { Target } from "./walk.ts";

/** What was asked for can not be found, or is not one thing. */
export class Refused extends Error {
  override readonly name: string = "Refused";

  /** Names in it are others' choice. */
  constructor(message: string) {
    super(printable(message));
  }
}

/** Of what was not given, one may know it. */
export class NotFound extends Refused {
  override readonly name = "NotFound";
}

export interface Asked {
  readonly a: string;
  readonly b: string;
  /** By name or id, where they share several. */
  readonly network?: string;
}

/** One attachment of a container to a network, on a host whose tables are known. */
interface Attached {
  readonly host: HostTables;
  readonly network: NetworkTables;
  readonly member: Member;
}

/** The two ends in the one network that they share. */
export interface Ends {
  readonly a: Attached;
  /** `mac` is empty, and so is all else, where nothing that is known tells who it is. */
  readonly b: { readonly attached?: Attached; readonly target: Target } | undefined;
}

const isNamed = ({ name, ip, id = "" }: Partial<Pick<Member, "id">> & Pick<Member, "name" | "ip">, text: string) =>
  name === text || ip === text || (/^[0-9a-f]{4,64}$/.test(text) && id.startsWith(text));

function attachedIn(hosts: readonly HostTables[], text: string): readonly Attached[] {
  return hosts.flatMap((host) =>
    host.networks.flatMap((network) =>
      network.members.filter((member) => isNamed(member, text)).map((member) => ({ host, network, member })),
    ),
  );
}

/** Throws `Refused`. */
export function findEnds(hosts: readonly HostTables[], { a, b, network }: Asked): Ends {
  const from = inNetwork(oneContainer(a, attachedIn(hosts, a)), network);
  if (from.length === 0)
    throw new NotFound(`${a}: no running container of an overlay network is called so${listed(hosts)}`);
  const to = toward(hosts, from, b);
  const pairs = from.flatMap((one) =>
    to.filter(({ networkId }) => networkId === one.network.id).map(({ end }) => ({ a: one, b: end })),
  );
  const [pair, ...more] = pairs;
  if (pair !== undefined && more.length === 0) return notItself(pair, b);
  if (more.length > 0)
    throw new Refused(
      `${a} and ${b} share several networks: ${names(pairs.map((one) => one.a))}; choose one with --network`,
    );
  if (to.length > 0)
    throw new Refused(
      `${a} and ${b} share no overlay network: ${a} is in ${names(from)}, ${b} in ${to.map(({ of }) => of).join(", ")}`,
    );
  const [only] = from;
  const untold = from.filter((one) => one.network.told === null);
  if (only === undefined || untold.length === 0)
    throw new NotFound(`${b}: nothing tells of such a container${listed(hosts)}`);
  return { a: untold[0] ?? only, b: undefined };
}

function notItself(pair: Ends, name: string): Ends {
  if (pair.b?.attached?.member !== pair.a.member) return pair;
  throw new Refused(`${name}: that is the same container twice`);
}

interface Candidate {
  readonly networkId: string;
  readonly end: NonNullable<Ends["b"]>;
  /** Its network, for people. */
  readonly of: string;
}

/** In the tables that are known, then by what is told of other hosts, then by a bare address. */
function toward(hosts: readonly HostTables[], from: readonly Attached[], text: string): readonly Candidate[] {
  const known = oneContainer(text, attachedIn(hosts, text)).map((attached) => candidateOf(attached));
  const told = oneTold(text, tellingsIn(hosts, text)).filter((one) => !known.some((other) => isSame(one, other)));
  if (known.length > 0 && told.length > 0)
    throw new Refused(
      `${text} is more than one: ${[...known, ...told].map(described).join("; ")}; give an id or an address`,
    );
  const all = [...known, ...told];
  return all.length > 0 ? all : from.flatMap((one) => bareAddress(one, text));
}

function candidateOf(attached: Attached): Candidate {
  const { host, network, member } = attached;
  const side = sideOf(host, network, member);
  const { name, ip, mac } = member;
  const target = { name, ip, mac, ...(side === undefined ? { host } : { side }) };
  return { networkId: network.id, end: { attached, target }, of: titleOf(attached) };
}

const isSame = ({ networkId, end }: Candidate, other: Candidate): boolean =>
  networkId === other.networkId && end.target.mac === other.end.target.mac && end.target.ip === other.end.target.ip;

/** Endpoints that no known host has. */
function tellingsIn(hosts: readonly HostTables[], text: string): readonly Candidate[] {
  const found = hosts.flatMap(({ networks }) =>
    networks.flatMap((network) =>
      (network.told ?? []).filter((told) => isNamed(told, text)).map((told) => toldCandidate(hosts, network, told)),
    ),
  );
  const keys = new Map(
    found.map((one) => [`${one.networkId} ${one.end.target.mac} ${one.end.target.told?.vtep}`, one]),
  );
  return [...keys.values()].filter((one) => !isKnown(hosts, one));
}

function toldCandidate(hosts: readonly HostTables[], network: NetworkTables, told: Told): Candidate {
  const host = hosts.find(({ ownVteps }) => ownVteps.includes(told.vtep));
  const { name, ip, mac } = told;
  const target = { name: name === "" ? ip : name, ip, mac, told, ...(host === undefined ? {} : { host }) };
  return { networkId: network.id, end: { target }, of: network.name };
}

const isKnown = (hosts: readonly HostTables[], { networkId, end }: Candidate): boolean =>
  hosts.some(({ networks }) =>
    networks.some(
      ({ id, members }) =>
        id === networkId && members.some(({ ip, mac }) => ip === end.target.ip && mac === end.target.mac),
    ),
  );

/** Of a container that nothing tells of, Docker's own way to make a MAC is taken where no row has one. */
function bareAddress({ host, network, member }: Attached, ip: string): readonly Candidate[] {
  const address = parseIpv4(ip);
  const side = sideOf(host, network, member);
  const subnets = side?.device?.addresses.flatMap((one) => parseSubnet(one) ?? []) ?? [];
  if (address === undefined || !subnets.some((subnet) => contains(subnet, address))) return [];
  const row = side?.space.neighbours.find((one) => one.ip === ip && one.dev === side.vxlan?.name);
  const target = { name: ip, ip, mac: row?.mac ?? macOfIp(ip) ?? "" };
  return [{ networkId: network.id, end: { target }, of: network.name }];
}

/** All are attachments of one container, or it is refused. */
function oneContainer(text: string, all: readonly Attached[]): readonly Attached[] {
  const containers = new Set(all.map(({ host, member }) => `${host.host} ${member.id ?? member.mac}`));
  if (containers.size <= 1) return all;
  throw new Refused(`${text} is more than one: ${all.map(titleOf).join("; ")}; give an id or an address`);
}

function oneTold(text: string, all: readonly Candidate[]): readonly Candidate[] {
  const places = new Set(all.map(({ end }) => `${end.target.told?.vtep} ${end.target.name}`));
  if (places.size <= 1) return all;
  throw new Refused(`${text} is more than one: ${all.map(described).join("; ")}; give an address`);
}

const described = ({ end: { attached, target }, of }: Candidate): string =>
  attached === undefined
    ? `${target.name} (${target.ip}) in ${of}, on the host ${target.told?.vtep ?? "?"}`
    : titleOf(attached);

function inNetwork(all: readonly Attached[], wanted: string | undefined): readonly Attached[] {
  if (wanted === undefined) return all;
  const found = all.filter(
    ({ network: { name, id } }) => name === wanted || (wanted.length >= 4 && id.startsWith(wanted)),
  );
  if (found.length > 0 || all.length === 0) return found;
  throw new Refused(`--network ${wanted}: ${all[0]?.member.name} is in ${names(all)}`);
}

const titleOf = ({ host, network, member }: Attached): string =>
  `${member.name} (${member.ip}) in ${network.name}, id ${network.id.slice(0, 12)}, on ${host.host}`;

const names = (all: readonly Attached[]): string =>
  all.map(({ network }) => `${network.name} (id ${network.id.slice(0, 12)})`).join(", ");

const most = 12;

function listed(hosts: readonly HostTables[]): string {
  const all = hosts.flatMap(({ networks }) => networks.flatMap(({ members }) => members));
  const known = [...new Set(all.filter(({ kind }) => kind === "container").map(({ name }) => name))].toSorted();
  if (known.length === 0) return "";
  return ` (there ${known.length === 1 ? "is" : "are"} ${known.slice(0, most).join(", ")}${known.length > most ? ", ..." : ""})`;
}
