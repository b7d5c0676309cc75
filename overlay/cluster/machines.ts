import { grouped } from "../diagnose/view.ts";
import type { HostTables, Member, NetworkTables } from "../explain/tables.ts";

/** One host of those that were asked, by the name that the asker has for it: a host may lie about itself, not about that. */
export type Asked = Answer | { readonly host: string; /** A sentence. */ readonly trouble: string };

export interface Answer {
  readonly host: string;
  readonly tables: HostTables;
}

/** All that answer as one address for vxlan: mostly one; two where a host has two names, or where one says to be another. */
export interface Machine {
  /** Empty where it does not tell. */
  readonly vtep: string;
  /** By name. */
  readonly answers: readonly Answer[];
}

export const isAnswer = (one: Asked): one is Answer => "tables" in one;

export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export function machinesOf(asked: readonly Asked[]): readonly Machine[] {
  return sitesOf(asked).flatMap((site) => {
    const groups = grouped(site, (one) => [vtepOf(one) || `none of ${one.host}`]);
    return [...groups.values()].map((all) => ({ vtep: all.map(vtepOf)[0] ?? "", answers: all }));
  });
}

/** Two sites of one fleet may have the same private addresses: hosts with one address and no network in common are not of one. */
export function sitesOf(asked: readonly Asked[]): readonly (readonly Answer[])[] {
  const sites: Answer[][] = [];
  for (const part of sharing(asked.filter(isAnswer).toSorted((a, b) => byText(a.host, b.host)))) {
    const addresses = new Set(part.map(vtepOf).filter((vtep) => vtep !== ""));
    const site = sites.find((all) => !all.some((one) => addresses.has(vtepOf(one))));
    if (site === undefined) sites.push([...part]);
    else site.push(...part);
  }
  return sites;
}

/** Hosts that share networks, each with some other of them. */
function sharing(answers: readonly Answer[]): readonly (readonly Answer[])[] {
  let parts: { readonly ids: ReadonlySet<string>; readonly all: readonly Answer[] }[] = [];
  for (const answer of answers) {
    const ids = new Set(answer.tables.networks.map(({ id }) => id));
    const [joined, apart] = [true, false].map((wanted) =>
      parts.filter((part) => [...ids].some((id) => part.ids.has(id)) === wanted),
    );
    const all = [...(joined ?? []).flatMap((part) => part.all), answer];
    parts = [...(apart ?? []), { ids: new Set([...ids, ...(joined ?? []).flatMap((part) => [...part.ids])]), all }];
  }
  return parts.map(({ all }) => all);
}

/** What is none of its own addresses is no word about itself. */
const vtepOf = ({ tables: { advertised, ownVteps } }: Answer): string =>
  ownVteps.includes(advertised) ? advertised : "";

export const networkIn = ({ tables }: Answer, id: string): NetworkTables | undefined =>
  tables.networks.find((network) => network.id === id);

/** Of one machine's members in a network: what all of its answers tell, and what only some of them do. */
export interface Members {
  readonly agreed: readonly Member[];
  readonly contested: readonly Member[];
}

export function membersOf({ answers }: Machine, id: string): Members {
  const networks = answers.flatMap((one) => networkIn(one, id) ?? []);
  const told = networks.flatMap(({ members }) => [...keyed(members).values()]);
  const groups = [...grouped(told, (member) => [keyOf(member)]).values()];
  const firsts = (wanted: boolean) =>
    groups.filter((group) => (group.length === networks.length) === wanted).flatMap(([first]) => first ?? []);
  return { agreed: firsts(true), contested: firsts(false) };
}

const keyOf = ({ kind, name, id = "", ip, mac }: Member): string => [kind, name, id, ip, mac].join(" ");

const keyed = (members: readonly Member[]): ReadonlyMap<string, Member> =>
  new Map(members.map((member) => [keyOf(member), member]));

export const namesOf = ({ answers }: Machine): string => answers.map(({ host }) => host).join(" and ");

/** The same host by two tellings: of two sites with one address they would share no network. */
export const isSameHost = (one: HostTables, other: HostTables): boolean =>
  one.advertised !== "" &&
  one.advertised === other.advertised &&
  one.networks.some(({ id }) => other.networks.some((network) => network.id === id));

/** One answer of each machine is enough where its answers agree in everything that they tell of containers. */
export function distinctAnswers(asked: readonly Asked[]): readonly Answer[] {
  return machinesOf(asked).flatMap((machine) => {
    const ids = new Set(machine.answers.flatMap(({ tables }) => tables.networks.map(({ id }) => id)));
    const agree = [...ids].every((id) => membersOf(machine, id).contested.length === 0);
    return agree ? machine.answers.slice(0, 1) : machine.answers;
  });
}
