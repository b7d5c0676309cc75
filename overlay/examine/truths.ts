import { setTimeout as sleep } from "node:timers/promises";
import { deadline } from "../../host/deadline.ts";
import type { EngineInfo } from "../../host/docker/info.ts";
import { printable } from "../../host/iproute2/error.ts";
import { messageOf } from "../../host/thrown.ts";
import { diagnose } from "../diagnose/diagnose.ts";
import type { DiagnoseInput, NamespaceInput } from "../diagnose/input.ts";
import { isByTruth } from "../diagnose/remote.ts";
import { addressesOf } from "../diagnose/view.ts";
import type { OverlayDriver } from "../engine.ts";
import { macOfIp, type Telling } from "../truth/place.ts";
import { tell } from "../truth/tell.ts";
import { type Doubt, truthOf, without } from "../truth/truth.ts";
import { isUnread, type Look, lookInto, type Seen } from "./look.ts";

/** What was told of each network lately, for who looks again later. */
export interface TruthMemory {
  /** What `now` is to be held against: the latest that is 10 s older, else the first. Undefined where nothing recent is kept. */
  readonly before: (networkId: string, now: Told) => Told | undefined;
  readonly keep: (networkId: string, told: Told) => void;
}

interface Told {
  readonly telling: Telling;
  /** Milliseconds of a clock that is never set. */
  readonly at: number;
}

/** More networks than a host has. */
const most = 1000;

/** Milliseconds between two tellings that are to agree, and how old the first may be. */
const [apart, stale] = [10_000, 120_000];

const areApart = (first: Told, second: Told): boolean => second.at - first.at >= apart;

/**
 * Keeps more than the last: who looks every 10 s comes a little early half of the time, and would then find a telling that is
 * too young, and none that is old enough, at every other look.
 */
export function truthMemory(): TruthMemory {
  const known = new Map<string, readonly Told[]>();
  return {
    before: (id, now) => {
      const recent = (known.get(id) ?? []).filter(({ at }) => now.at - at <= stale);
      return recent.findLast((one) => areApart(one, now)) ?? recent[0];
    },
    keep: (id, told) => {
      if (known.size >= most) known.clear();
      const all = known.get(id) ?? [];
      const from = all.findLastIndex((one) => areApart(one, told));
      known.set(id, [...all.slice(Math.max(0, from)), told]);
    },
  };
}

export interface TruthOptions {
  readonly memory: TruthMemory;
  /** Waits for the second telling where a row is not as the first has it; else what is new is believed at the next look. */
  readonly wait: boolean;
  /** Told before it is waited. */
  readonly say?: (sentence: string) => void;
}

interface Around {
  readonly facts: Omit<DiagnoseInput, "namespaces">;
  readonly engine: EngineInfo | undefined;
  readonly driver: OverlayDriver;
  readonly look: Look;
  readonly options: TruthOptions;
}

/** What was seen, with what is known of containers on other hosts; after a wait it is what is seen then. */
export async function withTruth(seen: Seen, around: Around): Promise<Seen> {
  const { network, endpoints, kind } = seen.input;
  if (network === undefined || endpoints === undefined || kind !== "overlay") return seen;
  const now = await ask(seen.input, network.id, around);
  if (typeof now === "string") return { ...seen, input: { ...seen.input, untold: now } };
  const { memory } = around.options;
  const before = memory.before(network.id, now) ?? now;
  memory.keep(network.id, now);
  if (oddMacs(seen.input, now, around).size === 0) return believing(seen, now, now, around);
  if (areApart(before, now)) return believing(seen, before, now, around);
  return around.options.wait ? waited(seen, before, network.id, around) : doubting(seen, now, around, once(false));
}

const once = (blind: boolean, why = "it was told once; it is believed when it is told again, 10 s later"): Doubt => {
  return { why, blind };
};

/** Looks again when the 10 s are over. */
async function waited(seen: Seen, first: Told, networkId: string, around: Around): Promise<Seen> {
  const { look, options } = around;
  const ms = Math.max(0, first.at + apart - performance.now());
  const name = printable(seen.input.network?.name ?? networkId);
  options.say?.(
    `${name}: rows are not as ${sources[around.driver]} tells; it is asked again in ${Math.ceil(ms / 1000)} s`,
  );
  await sleep(ms, undefined, { signal: look.signal });
  const again = await lookInto(seen.namespace, look);
  if (again === undefined || isUnread(again))
    return doubting(seen, first, around, once(true, "its namespace could not be read a second time"));
  const second = await ask(again.input, networkId, around);
  if (typeof second === "string") return doubting(again, first, around, once(true, second));
  options.memory.keep(networkId, second);
  return believing(again, first, second, around);
}

const sources: Readonly<Record<OverlayDriver, string>> = { classic: "the cluster store", swarm: "the swarm" };

function believing(seen: Seen, first: Told, second: Told, around: Around): Seen {
  const truth = truthOf(first.telling, second.telling, new Set(around.facts.ownVteps));
  if (truth.disputed.size === 0) return { ...seen, input: { ...seen.input, truth } };
  const odd = oddMacs(seen.input, second, around);
  const doubts = [...truth.disputed].filter(([mac]) => odd.has(mac));
  const matter = doubts.map(([mac, doubt]) => [mac, { ...doubt, blind: doubt.blind || around.options.wait }] as const);
  return { ...seen, input: { ...seen.input, truth: without(truth, new Map(matter)) } };
}

function doubting(seen: Seen, { telling }: Told, around: Around, doubt: Doubt): Seen {
  const truth = truthOf(telling, telling, new Set(around.facts.ownVteps));
  const odd = oddMacs(seen.input, { telling }, around);
  const doubted = without(truth, new Map([...odd].map((mac) => [mac, doubt])));
  return { ...seen, input: { ...seen.input, truth: { ...doubted, twice: new Map() } } };
}

/** MACs whose rows are not as it is told; and of addresses that are had twice, as it looks while one moves. */
function oddMacs(input: NamespaceInput, { telling }: Pick<Told, "telling">, { facts }: Around): ReadonlySet<string> {
  const truth = truthOf(telling, telling, new Set(facts.ownVteps));
  const { namespaces } = diagnose({ ...facts, namespaces: [{ ...input, truth }] });
  const odd = namespaces.flatMap(({ findings }) => findings).filter((one) => isByTruth(one));
  const local = new Set((input.endpoints ?? []).flatMap((endpoint) => addressesOf(endpoint)));
  const doubled = [...truth.elsewhere.values()].filter(({ ip }) => local.has(ip));
  return new Set([...odd, ...doubled, ...[...truth.twice.values()].flat()].flatMap(({ mac }) => mac ?? []));
}

/** Now; a sentence why not. */
async function ask(input: NamespaceInput, networkId: string, around: Around): Promise<Told | string> {
  const { look, engine, driver, facts } = around;
  const limit = deadline(look.signal, patienceMs);
  try {
    const network = { id: networkId, driver };
    const telling = await tell(network, engine, look.host.overlays, limit.signal, macsOf(input));
    const against = strangeness(telling, input, new Set(facts.ownVteps));
    return against === undefined
      ? { telling, at: performance.now() }
      : `${sources[driver]} is not believed: ${against}`;
  } catch (error) {
    look.signal.throwIfAborted();
    return `${sources[driver]} does not tell where other hosts' containers are: ${messageOf(error)}`;
  } finally {
    limit.clear();
  }
}

/** A MAC can be given by hand (`--mac-address`): the tables know it. */
function macsOf({ tables, endpoints = [] }: NamespaceInput): (ip: string) => string | undefined {
  const vxlans = new Set(tables.links.filter(({ kind }) => kind === "vxlan").map(({ name }) => name));
  const rows = tables.neighbours.filter(({ dev, mac }) => vxlans.has(dev) && mac !== undefined);
  const known = new Map([...rows, ...endpoints].map(({ ip, mac }) => [ip, mac]));
  return (ip) => known.get(ip) ?? macOfIp(ip);
}

/** Of the store and of the engine together, in milliseconds. */
const patienceMs = 8000;

/** Another cluster's store has no container of this host; one that is cut off has old ones. */
function strangeness({ places, doubts }: Telling, { endpoints = [] }: NamespaceInput, own: ReadonlySet<string>) {
  if (own.size === 0) return "the address by which this host is a VTEP is not known";
  const local = endpoints.filter(({ owner, veth }) => owner.kind === "container" && veth !== undefined);
  const here = new Set(places.filter(({ vtep }) => own.has(vtep)).map(({ mac }) => mac));
  if (local.length > 0 && !local.some(({ mac }) => here.has(mac)))
    return `it tells of none of the ${local.length} containers here`;
  return places.length === 0 && doubts > 0 ? `it does not tell where its ${doubts} endpoints are` : undefined;
}
