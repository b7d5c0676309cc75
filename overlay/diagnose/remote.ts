import { printable } from "../../host/iproute2/error.ts";
import type { Endpoint } from "../endpoints.ts";
import type { OverlayDriver } from "../engine.ts";
import type { FdbRow } from "../fdb.ts";
import type { Neighbour } from "../neighbours.ts";
import { remoteObjection } from "../safety.ts";
import type { Tables } from "../tables.ts";
import type { Place } from "../truth/place.ts";
import type { Truth } from "../truth/truth.ts";
import { fdbLine, fewOf, neighbourLine } from "../words.ts";
import type { Finding, FindingClass, FindingState, Unjudged } from "./finding.ts";
import { type HostObjection, isLoop } from "./local.ts";
import { grouped, isUnicast, type View } from "./view.ts";

interface Remote {
  readonly findings: readonly Finding[];
  readonly unjudged: readonly Unjudged[];
}

interface Host {
  readonly ownVteps: ReadonlySet<string>;
  readonly driver: OverlayDriver;
  readonly objection: HostObjection;
}

/** One that rests on where other hosts' containers are told to be. */
export const isByTruth = ({ class: of, container }: Finding): boolean =>
  of === "wrong-vtep" || of === "wrong-neighbour" || (of === "missing-fdb" && container !== null);

const guessed = "a row for a container that is gone harms nobody";

/**
 * Rows of MACs that are no local endpoint's: as far as they are wrong in themselves, and, where something told where
 * containers of other hosts are, against that. Without it, whether one harms is not to be known.
 */
export function remoteFindings(view: View, host: Host): Remote {
  const findings = [
    ...strangersRows(view).flatMap((row) => rowFinding(view, row, host) ?? []),
    ...proxyFindings(view, host),
    ...duplicates(view),
  ];
  const { truth, untold } = view.input;
  const latent = findings.filter(({ state }) => state === "latent").length;
  const what = `whether ${latent} wrong rows for MACs that are not local harm anybody`;
  const why = `${untold ?? "no truth about other hosts was read"}, and ${guessed}`;
  // Who did not ask does not want to know.
  const unsure: Unjudged = { what, why, blind: untold !== undefined, ...(untold === undefined ? {} : elsewhere) };
  return { findings, unjudged: [...(truth === undefined && latent > 0 ? [unsure] : []), ...doubts(view)] };
}

function strangersRows({ selfRows, byMac }: View): readonly FdbRow[] {
  return [...selfRows].flatMap(([mac, rows]) => (byMac.has(mac) || !isUnicast(mac) ? [] : rows));
}

function rowFinding(view: View, row: FdbRow, host: Host): Finding | undefined {
  const place = view.input.truth?.elsewhere.get(row.mac);
  const loops = isLoop(row, host.ownVteps);
  // What the device learned gives way to the next frame; what the engine wrote stays.
  const stays = row.state === "permanent";
  if (place !== undefined) return row.dst === place.vtep || !stays ? undefined : wrongFinding(view, row, place, host);
  if (loops) return loopFinding(view, row);
  return stays && isNobodys(view, row.mac, addressIn(view, row.mac, row.ifname))
    ? orphan(view, row.mac, row.ifname, fdbLine(row))
    : undefined;
}

/** Told of, and nowhere: neither the MAC nor the address that a row has for it. */
function isNobodys({ input: { truth } }: View, mac: string, ip: string | null): boolean {
  if (truth?.complete !== true || (ip !== null && truth.addresses.has(ip))) return false;
  return !truth.elsewhere.has(mac) && !truth.here.has(mac) && !truth.disputed.has(mac);
}

/** Frames go to a host where the container is not; and what comes from where it is, the device drops (`vxlan_snoop`). */
function wrongFinding(view: View, row: FdbRow, place: Place, host: Host): Finding {
  return {
    class: "wrong-vtep",
    state: "active",
    ...whereTold(row.ifname, place),
    evidence: `${fdbLine(row)}; ${printable(place.name)} is on ${place.vtep}`,
    ...healing(view, place, host),
  };
}

const whereTold = (device: string, { ip, mac, name }: Place) => ({ ip, mac, container: printable(name), device });

function healing(view: View, place: Place, { objection }: Host) {
  const why = remoteObjection(view, place) ?? objection;
  return { remedy: "replace", automatic: why === undefined, ...(why === undefined ? {} : { why }) };
}

/** Learned inside a container's port: a MAC that Docker knows nothing of (macvlan, keepalived) behind a local container. */
function hiddenBehind(view: View, mac: string): Endpoint | undefined {
  const ports = new Set((view.bridgeRows.get(mac) ?? []).map(({ ifname }) => ifname));
  return view.input.endpoints?.find(({ veth }) => veth !== undefined && ports.has(veth.name));
}

function loopFinding(view: View, row: FdbRow): Finding {
  const behind = hiddenBehind(view, row.mac);
  return {
    class: "self-loop",
    state: "latent",
    ip: addressIn(view, row.mac, row.ifname),
    mac: row.mac,
    container: behind === undefined ? null : printable(behind.owner.name),
    device: row.ifname,
    evidence: fdbLine(row),
    remedy: byHand,
    automatic: false,
    why: behind === undefined ? notLocal(view, row.mac) : hidden(row.mac, behind),
  };
}

const byHand = "bridge fdb replace with the VTEP of the host that runs it";

const addressIn = ({ input }: View, mac: string, device: string): string | null =>
  input.tables.neighbours.find((row) => row.dev === device && row.mac === mac)?.ip ?? null;

const notLocal = ({ input }: View, mac: string): string =>
  input.endpoints === undefined
    ? `Docker did not tell whether ${mac} is a local container's`
    : `${mac} is no running local container's, so where it belongs is not known here`;

const hidden = (mac: string, { owner }: Endpoint): string =>
  `${mac} is behind ${printable(owner.name)}, but not the MAC that Docker gives it: macvlan or a floating address?`;

function orphan(view: View, mac: string, device: string, evidence: string): Finding {
  return {
    class: "orphan-row",
    state: "latent",
    ip: addressIn(view, mac, device),
    mac,
    container: null,
    device,
    evidence,
    remedy: "leave it: it does no harm until its address is used again",
    automatic: false,
    why: "no host is told to run it",
  };
}

/** Of the rows by which a vxlan device answers ARP for others' containers: by its address each is known, or by nothing. */
function proxyFindings(view: View, host: Host): readonly Finding[] {
  const places = placesByIp(view.input.truth);
  return view.input.tables.neighbours.flatMap((row) => {
    const { ip, dev, mac, state } = row;
    const isProxy = state.includes("PERMANENT") && view.links.get(dev)?.kind === "vxlan";
    if (mac === undefined || !isProxy || view.byIp.has(ip)) return [];
    const place = places.get(ip);
    if (place !== undefined && place.mac !== mac) return wrongNeighbour(view, row, place);
    // Nothing leads to its MAC: frames to it are dropped.
    return view.byMac.has(mac) || permanentSelf(view, mac, dev) ? [] : missingFinding(view, row, host);
  });
}

/** Addresses that one container elsewhere has, and no other. */
function placesByIp(truth: Truth | undefined): ReadonlyMap<string, Place> {
  const groups = grouped([...(truth?.elsewhere.values() ?? [])], ({ ip }) => [ip]);
  return new Map(
    [...groups].flatMap(([ip, [place, ...more]]) =>
      place === undefined || more.length > 0 || truth?.twice.has(ip) === true ? [] : [[ip, place] as const],
    ),
  );
}

/** Who asks for the address is given a MAC that nobody has, or that is another's: all frames to it are lost. */
function wrongNeighbour({ input: { later, truth } }: View, row: Neighbour, place: Place): readonly Finding[] {
  const isStillThere = later?.neighbours.some(
    ({ ip, dev, mac }) => ip === row.ip && dev === row.dev && mac === row.mac,
  );
  // Of the MAC that it answers with, it may be told soon.
  if (isStillThere === false || truth?.disputed.has(row.mac ?? "") === true) return [];
  return [
    {
      class: "wrong-neighbour",
      state: "active",
      ...whereTold(row.dev, place),
      evidence: `${neighbourLine(row)}; ${printable(place.name)} has ${place.mac}`,
      remedy: "ip neigh replace with the MAC of its container",
      automatic: false,
      why: "no remedy writes neighbour rows",
    },
  ];
}

/** By the index: with some thousand containers in a network, a search for each would hold the event loop. */
const permanentSelf = ({ selfRows }: View, mac: string, dev: string): boolean =>
  (selfRows.get(mac) ?? []).some(({ ifname, state }) => ifname === dev && state === "permanent");

const isSelfOn = (row: FdbRow, dev: string): boolean => row.ifname === dev && row.flags.includes("self");

function missingFinding(view: View, row: Neighbour, host: Host): Finding {
  const { mac = "", dev } = row;
  const evidence = `${neighbourLine(row)}; no row for ${mac} in bridge fdb show dev ${printable(dev)} (self permanent)`;
  if (isNobodys(view, mac, row.ip)) return orphan(view, mac, dev, evidence);
  const of: FindingClass = "missing-fdb";
  const place = view.input.truth?.elsewhere.get(mac);
  const state = missingState(view, row, host.driver);
  if (place !== undefined)
    return { class: of, state, ...whereTold(dev, place), evidence, ...healing(view, place, host) };
  return {
    class: of,
    state,
    ip: row.ip,
    mac,
    container: null,
    device: dev,
    evidence,
    remedy: byHand,
    automatic: false,
    why: "which host runs it is not known here",
  };
}

/**
 * Harms now where no row at all leads there, twice a second apart (the engine writes neighbour and row one after the
 * other), nobody answers, and the container is there: swarm takes the neighbours of gone ones away, classic engines leave them.
 */
function missingState({ input }: View, row: Neighbour, driver: OverlayDriver): FindingState {
  const { mac = "" } = row;
  const { tables, later, truth } = input;
  if (later === undefined || isLearned(tables.fdb, row) || !isStill(later, row)) return "latent";
  return isCutOff(truth, mac, driver) ? "active" : "latent";
}

function isCutOff(truth: Truth | undefined, mac: string, driver: OverlayDriver): boolean {
  if (truth === undefined) return driver === "swarm";
  if (truth.disputed.get(mac)?.answers === true) return false;
  return truth.elsewhere.has(mac) || (!truth.complete && driver === "swarm");
}

const isLearned = (fdb: readonly FdbRow[], { mac, dev }: Neighbour): boolean =>
  fdb.some((row) => row.mac === mac && isSelfOn(row, dev));

const isStill = ({ neighbours, fdb }: Tables, one: Neighbour): boolean =>
  neighbours.some(({ ip, dev, mac }) => ip === one.ip && dev === one.dev && mac === one.mac) && !isLearned(fdb, one);

/** Who is reached at such an address is chance. */
function duplicates({ input, byIp, subnets: [subnet] }: View): readonly Finding[] {
  const { truth } = input;
  const remote = [...(truth?.elsewhere.values() ?? [])].filter(({ ip }) => byIp.has(ip));
  const local = [...byIp].flatMap(([ip, [endpoint]]) => {
    const others = remote.filter((place) => place.ip === ip);
    return endpoint === undefined || others.length === 0 ? [] : [{ ip, names: [endpoint.owner.name, ...told(others)] }];
  });
  const twice = [...(truth?.twice ?? [])].map(([ip, places]) => ({ ip, names: told(places) }));
  return [...local, ...twice].map(({ ip, names }) => ({
    class: "duplicate-ip",
    state: "active",
    ip,
    mac: null,
    container: null,
    device: subnet?.vxlan.name ?? null,
    evidence: `${ip} is the address of ${fewOf(names, printable)}`,
    remedy: "recreate all but one of them",
    automatic: false,
    why: "which of them is to keep the address is a person's decision",
  }));
}

const told = (places: readonly Place[]): readonly string[] => places.map(({ name, vtep }) => `${name} on ${vtep}`);

/** Doubts about rows that look wrong; of others there is no need to know. */
function doubts({ input }: View): readonly Unjudged[] {
  return [...(input.truth?.disputed ?? [])]
    .filter(([, { blind }]) => blind)
    .map(([mac, { why, blind }]) => ({ what: `where ${mac} is`, why, blind, ...elsewhere }));
}

const elsewhere = { about: "elsewhere" } as const;
