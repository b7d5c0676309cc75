import type { Unjudged, Verdict } from "../diagnose/finding.ts";
import type { NetworkTables } from "../explain/tables.ts";
import { fewOf } from "../words.ts";
import type { ClusterDiagnosis, ClusterFinding, ClusterNetwork } from "./finding.ts";
import { duplicates } from "./duplicates.ts";
import {
  type Answer,
  type Asked,
  byText,
  isAnswer,
  type Machine,
  machinesOf,
  namesOf,
  networkIn,
  sitesOf,
} from "./machines.ts";
import { commonTruth, diagnoseHost, type Moment } from "./on-host.ts";
import { knownVteps, tellingOf, type Vteps } from "./telling.ts";

/** What all hosts were asked, once, and once more some seconds later: what rests on others' words is believed when told twice. */
export interface Tellings {
  readonly now: readonly Asked[];
  readonly before?: readonly Asked[];
  /** Only these networks, by id. */
  readonly networks?: ReadonlySet<string>;
}

/** Pure. Who did not answer is not known: nothing is told of it, and nothing is gone because of it. */
export function diagnoseCluster({ networks, ...tellings }: Tellings): ClusterDiagnosis {
  const { now, before } = settled(tellings);
  const ids = [...new Set(now.filter(isAnswer).flatMap(({ tables }) => tables.networks.map(({ id }) => id)))];
  const wanted = ids.filter((id) => networks === undefined || networks.has(id));
  const parts = sitesOf(now).flatMap((site) => ofSite(site, { now, before }, wanted));
  const unjudged = [
    ...silent(now),
    ...machinesOf(now).flatMap(severalNames),
    ...machinesOf(now).flatMap((machine) => nowhere(machine, wanted)),
    ...parts.flatMap((part) => part.unjudged),
  ];
  const known = parts.map(({ network }) => network).toSorted((a, b) => byText(a.name + a.id, b.name + b.id));
  return {
    hosts: now.map((one) =>
      isAnswer(one) ? { host: one.host, answered: true } : { host: one.host, answered: false, trouble: one.trouble },
    ),
    networks: known,
    unjudged: unjudged.toSorted((a, b) => byText(a.what + a.why, b.what + b.why)),
    verdict: verdictOf(known, unjudged),
    again: before === undefined && parts.some(({ again }) => again),
  };
}

/** By name, each once; who answered only once of two times did not answer. */
function settled({ now, before }: Pick<Tellings, "now" | "before">) {
  if (before === undefined) return { now: unique(now), before };
  const [first, second] = [unique(before), unique(now)];
  return { now: alsoIn(first, second, "the second time"), before: alsoIn(second, first, "the first time") };
}

const unique = (all: readonly Asked[]): readonly Asked[] =>
  [...new Map(all.map((one) => [one.host, one])).values()].toSorted((a, b) => byText(a.host, b.host));

function alsoIn(others: readonly Asked[], all: readonly Asked[], when: string): readonly Asked[] {
  const known = new Map(others.map((one) => [one.host, one]));
  return all.map((one): Asked => {
    const other = known.get(one.host);
    if (!isAnswer(one) || (other !== undefined && isAnswer(other))) return one;
    return { host: one.host, trouble: `it answered only ${when}: ${other?.trouble ?? "it was asked once"}` };
  });
}

/** Who did not answer may be of any site. */
function ofSite(site: readonly Answer[], { now, before }: ReturnType<typeof settled>, wanted: readonly string[]) {
  const hosts = new Set(site.map(({ host }) => host));
  const ofIt = (asked: readonly Asked[]) => asked.filter((one) => !isAnswer(one) || hosts.has(one.host));
  const tellings = { now: ofIt(now), before: before === undefined ? undefined : ofIt(before) };
  const ids = new Set(site.flatMap(({ tables }) => tables.networks.map(({ id }) => id)));
  const vteps = knownVteps(tellings.now);
  return wanted.filter((id) => ids.has(id)).map((id) => ofNetwork(id, tellings, vteps));
}

function ofNetwork(id: string, { now, before }: ReturnType<typeof settled>, vteps: Vteps) {
  const moment = momentOf(now, id, vteps);
  const earlier = before === undefined ? undefined : momentOf(before, id, vteps);
  const alone = commonTruth(moment, moment);
  const firm = earlier === undefined ? alone : commonTruth(earlier, moment);
  const hosts = machinesOf(now).flatMap((machine) => speakersOf(machine, id));
  const parts = hosts.map((host) => {
    return { host, ...diagnoseHost(host, id, { now: moment, before: earlier, alone, firm }) };
  });
  const twice = duplicates(moment.telling, earlier?.telling);
  const doubtful = parts.flatMap((part) => part.doubtful);
  const findings = [...parts.flatMap((part) => part.findings), ...twice.findings].toSorted(byRank);
  const network: ClusterNetwork = { id, name: nameOf(now, id), findings };
  const unjudged = [
    ...parts.flatMap((part) => part.unjudged),
    ...open(network.name, parts, [...moment.telling.gaps, ...(earlier?.telling.gaps ?? [])]),
    ...twice.doubtful,
    ...doubtful.map((one) => doubt(one, before === undefined)),
    ...[...moment.telling.contested].map(([mac, why]) => ({ what: `where ${mac} is`, why, blind: true })),
  ];
  return { network, unjudged, again: doubtful.length + twice.doubtful.length > 0 };
}

/** Once for all hosts: of a large fleet a few that are silent are in the way of all others. */
function open(
  network: string,
  parts: readonly { readonly host: string; readonly open: readonly string[] }[],
  gaps: readonly string[],
): readonly Unjudged[] {
  const affected = parts.filter((part) => part.open.length > 0);
  const macs = [...new Set(affected.flatMap((part) => part.open))];
  if (macs.length === 0) return [];
  const rows = `rows of ${network} for ${fewOf(macs, (mac) => mac)}, which no host that answered runs`;
  const why = fewOf([...new Set(gaps)], (gap) => gap, "; ");
  return [{ what: `${fewOf(affected, ({ host }) => host)}: ${rows}`, why, blind: true }];
}

const momentOf = (asked: readonly Asked[], id: string, { known, assumed }: Vteps): Moment => ({
  telling: tellingOf(asked, id, known),
  answers: new Map(asked.filter(isAnswer).map((one) => [one.host, one])),
  vteps: new Set(known.values()),
  assumed,
  made: madeAs(asked.filter(isAnswer).flatMap((one) => networkIn(one, id) ?? [])),
  silence: asked.some((one) => !isAnswer(one)),
});

const madeAs = (all: readonly NetworkTables[]): Moment["made"] =>
  all.some(({ encrypted }) => encrypted) ? "encrypted" : all.every(({ unlisted }) => unlisted) ? "unlisted" : "plain";

/** One of a machine's answers is enough where they agree, in rows too. */
function speakersOf(machine: Machine, id: string): readonly string[] {
  const all = machine.answers.filter((one) => networkIn(one, id) !== undefined);
  const texts = new Set(all.length > 1 ? all.map((one) => JSON.stringify(networkIn(one, id))) : []);
  return (texts.size > 1 ? all : all.slice(0, 1)).map(({ host }) => host);
}

function nameOf(asked: readonly Asked[], id: string): string {
  const named = asked.filter(isAnswer).flatMap(({ tables }) => tables.networks.filter((network) => network.id === id));
  return named[0]?.name ?? id;
}

const ranks = { active: 0, latent: 1, mitigated: 2 } as const;

const byRank = (a: ClusterFinding, b: ClusterFinding): number =>
  ranks[a.state] - ranks[b.state] || byText(textOf(a), textOf(b));

const textOf = ({ host, class: of, mac, evidence }: ClusterFinding): string =>
  [host, of, mac ?? "", evidence].join(" ");

function doubt({ host, class: of, container, mac, evidence }: ClusterFinding, once: boolean): Unjudged {
  const why = once ? "it was told once" : "it was not so, or not told so, the time before";
  return { what: `${host}: ${of} of ${container ?? mac ?? "?"}: ${evidence}`, why, blind: true };
}

function silent(asked: readonly Asked[]): readonly Unjudged[] {
  if (asked.length === 0) return [{ what: "all overlay networks", why: "there is no host to ask", blind: true }];
  return asked.flatMap((one) =>
    isAnswer(one)
      ? []
      : [{ what: `${one.host}: its rows, and which containers run there`, why: one.trouble, blind: true }],
  );
}

/** One without a container of an overlay may well have no address for vxlan. */
function nowhere({ vtep, answers }: Machine, ids: readonly string[]): readonly Unjudged[] {
  const isTold = vtep !== "" || !answers.some((one) => ids.some((id) => (networkIn(one, id)?.members.length ?? 0) > 0));
  if (isTold) return [];
  const what = `${namesOf({ vtep, answers })}: rows of other hosts for its containers`;
  return [{ what, why: "it does not tell by which of its addresses others reach it", blind: true }];
}

function severalNames(machine: Machine): readonly Unjudged[] {
  if (machine.answers.length < 2) return [];
  return [
    { what: namesOf(machine), why: `they answer as one address, ${machine.vtep}: taken as one host`, blind: false },
  ];
}

function verdictOf(networks: readonly ClusterNetwork[], unjudged: readonly Unjudged[]): Verdict {
  const states = networks.flatMap(({ findings }) => findings.map(({ state }) => state));
  if (states.includes("active")) return "faulty";
  return unjudged.some(({ blind }) => blind) ? "unknown" : "healthy";
}
