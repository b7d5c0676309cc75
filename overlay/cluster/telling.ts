import { printable } from "../../host/iproute2/error.ts";
import { isLoop } from "../diagnose/local.ts";
import { isUnicast } from "../diagnose/view.ts";
import type { FdbRow } from "../fdb.ts";
import type { Member, NetworkTables } from "../explain/tables.ts";
import { type Place, placeOf, type Telling } from "../truth/place.ts";
import {
  type Answer,
  type Asked,
  isAnswer,
  type Machine,
  machinesOf,
  membersOf,
  namesOf,
  networkIn,
} from "./machines.ts";

/** What all hosts together tell of one network at one moment. */
export interface ClusterTelling extends Telling {
  readonly places: readonly Located[];
  /** With those of hosts that do not tell by which address they are reached. */
  readonly listed: readonly Located[];
  /** Why a container that nobody tells of may run all the same; `complete` where there is no reason. */
  readonly gaps: readonly string[];
  /** MACs of which two answers of one address do not tell the same, and why nothing is believed of them. */
  readonly contested: ReadonlyMap<string, string>;
}

export interface Located extends Place {
  /** The name of its host. */
  readonly host: string;
  /** The container's; swarm's own have none. */
  readonly id?: string;
}

/** `vteps`: by which address the others know each machine (`knownVteps`). */
export function tellingOf(asked: readonly Asked[], id: string, vteps: ReadonlyMap<string, string>): ClusterTelling {
  const parts = machinesOf(asked).map((machine) => partOf(machine, id, vteps.get(machine.vtep) ?? machine.vtep));
  const answers = asked.filter(isAnswer);
  const silent = asked.filter((one) => !isAnswer(one)).map(({ host }) => `${host} did not answer`);
  const gaps = [...silent, ...parts.flatMap((part) => part.gaps), ...strangers(answers, id, new Set(vteps.values()))];
  return {
    places: parts.flatMap(({ places }) => places),
    listed: parts.flatMap(({ listed }) => listed),
    doubts: parts.reduce((sum, { doubts }) => sum + doubts, 0),
    complete: gaps.length === 0,
    gaps,
    contested: new Map(parts.flatMap(({ contested }) => contested)),
  };
}

function partOf(machine: Machine, id: string, vtep: string) {
  const { agreed, contested } = membersOf(machine, id);
  const [first] = machine.answers;
  const names = namesOf(machine);
  const all = agreed.map((member) => located(member, vtep, first?.host ?? names));
  const nameless = agreed.filter((member) => placeOf(located(member, vtep, names)) === undefined);
  const why = `${names} all say that they are ${vtep}, and do not tell the same of it`;
  const open = machine.answers.flatMap((one) => unowned(one, networkIn(one, id)));
  return {
    places: all.filter((one) => placeOf(one) !== undefined),
    listed: all.filter(({ ip, mac }) => ip !== "" && mac !== ""),
    doubts: nameless.length + contested.length,
    contested: contested.map(({ mac }) => [mac, why] as const),
    gaps: [
      ...(nameless.length === 0 ? [] : [`${names} does not tell where ${some(nameless)} can be reached`]),
      ...(contested.length === 0 ? [] : [why]),
      ...open,
    ],
  };
}

/** A container has a new process with each start; the others are told apart by their host. */
function located({ kind, name, id, pid, ip, mac }: Member, vtep: string, host: string): Located {
  const place = { ip, mac, vtep, name, host };
  return id === undefined
    ? { ...place, endpoint: `${kind} ${name} of ${host}` }
    : { ...place, endpoint: `${id} ${pid ?? ""}`, id };
}

const some = (members: readonly Member[]): string => {
  const [first, ...more] = members.map(({ name }) => printable(name));
  return more.length === 0 ? (first ?? "") : `${first} and ${more.length} more`;
};

/** Ports of the bridge that no member has: Docker there lists half of them. */
function unowned({ host }: Answer, network: NetworkTables | undefined): readonly string[] {
  const links = network?.space?.links ?? [];
  const ports = links.filter(({ kind, master }) => kind === "veth" && master !== undefined).length;
  const more = ports - (network?.members.length ?? 0);
  return more > 0 ? [`${host} has ${more} ports that are no container's which Docker lists there`] : [];
}

/** Rows lead to hosts that nobody asked, or that are no more: who can say. */
function strangers(answers: readonly Answer[], id: string, vteps: ReadonlySet<string>): readonly string[] {
  const found = answers.flatMap((one) => {
    const own = new Set(one.tables.ownVteps);
    return staying(networkIn(one, id)).flatMap((row) => (row.dst === undefined || isLoop(row, own) ? [] : row.dst));
  });
  return [...new Set(found)]
    .filter((dst) => !vteps.has(dst))
    .toSorted()
    .map((dst) => `rows lead to ${printable(dst)}, which is no host that answered`);
}

/** The vxlan devices' own rows of containers, as an engine writes them. */
export function staying(network: NetworkTables | undefined): readonly FdbRow[] {
  const { links = [], fdb = [] } = network?.space ?? {};
  const vxlans = new Set(links.filter(({ kind }) => kind === "vxlan").map(({ name }) => name));
  return fdb.filter(
    ({ mac, ifname, flags, state }) =>
      flags.includes("self") && vxlans.has(ifname) && state === "permanent" && isUnicast(mac),
  );
}

/** By which address all others know each machine, by the one that it tells. */
export interface Vteps {
  readonly known: ReadonlyMap<string, string>;
  /** Of swarms: no row shows it, so that it is only the one that the machine tells. */
  readonly assumed: ReadonlySet<string>;
}

/**
 * In swarm mode the data path may have an address of its own, which no API tells (`--data-path-addr`): it is the one of the
 * machine's addresses that most other hosts lead to, in whatever network; each host has one voice. Else the address that it tells.
 */
export function knownVteps(asked: readonly Asked[]): Vteps {
  const machines = machinesOf(asked).filter(({ vtep }) => vtep !== "");
  const owners = ownersIn(machines);
  const own = new Map(machines.map((one) => [one, new Set(one.answers.flatMap(({ tables }) => tables.ownVteps))]));
  const voices = new Map(machines.map((machine) => [machine, new Map<string, number>()]));
  for (const answer of asked.filter(isAnswer))
    for (const [machine, counts] of ledBy(answer, owners, own)) count(voices.get(machine), mostly(machine, counts));
  const known = machines.map((machine) => [machine.vtep, mostly(machine, voices.get(machine) ?? new Map())] as const);
  const assumed = machines.filter((machine) => (voices.get(machine)?.size ?? 0) === 0).map(({ vtep }) => vtep);
  return { known: new Map(known), assumed: new Set(assumed) };
}

/** Of all swarm networks: whose a MAC is, by network and MAC. */
function ownersIn(machines: readonly Machine[]): ReadonlyMap<string, Machine> {
  return new Map(
    machines.flatMap((machine) => {
      const networks = machine.answers
        .flatMap(({ tables }) => tables.networks)
        .filter(({ driver }) => driver === "swarm");
      const ids = [...new Set(networks.map(({ id }) => id))];
      return ids.flatMap((id) => membersOf(machine, id).agreed.map(({ mac }) => [`${id} ${mac}`, machine] as const));
    }),
  );
}

/** To which of its own addresses a host's rows lead, for each other machine, and how many. */
function ledBy(
  { tables }: Answer,
  owners: ReadonlyMap<string, Machine>,
  own: ReadonlyMap<Machine, ReadonlySet<string>>,
) {
  const back = new Set(tables.ownVteps);
  const led = new Map<Machine, Map<string, number>>();
  for (const network of tables.networks)
    for (const { mac, dst = "" } of network.driver === "swarm" ? staying(network) : []) {
      const machine = owners.get(`${network.id} ${mac}`);
      if (machine === undefined || back.has(dst) || own.get(machine)?.has(dst) !== true) continue;
      const counts = led.get(machine) ?? new Map<string, number>();
      led.set(machine, counts);
      count(counts, dst);
    }
  return led;
}

const count = (counts: Map<string, number> | undefined, key: string): void =>
  void counts?.set(key, (counts.get(key) ?? 0) + 1);

function mostly({ vtep }: Machine, counts: ReadonlyMap<string, number>): string {
  const most = Math.max(0, ...counts.values());
  const best = [...counts].flatMap(([dst, times]) => (times === most ? dst : [])).toSorted();
  return best.includes(vtep) ? vtep : (best[0] ?? vtep);
}

/** MACs that the vxlan devices answer ARP with, by rows that an engine wrote. */
export function answersRows(network: NetworkTables | undefined): readonly string[] {
  const { links = [], neighbours = [] } = network?.space ?? {};
  const vxlans = new Set(links.filter(({ kind }) => kind === "vxlan").map(({ name }) => name));
  return neighbours.flatMap(({ dev, mac, state }) =>
    mac !== undefined && vxlans.has(dev) && state.includes("PERMANENT") && isUnicast(mac) ? [mac] : [],
  );
}
