import { diagnose } from "../diagnose/diagnose.ts";
import type { Finding, Unjudged } from "../diagnose/finding.ts";
import type { NamespaceInput } from "../diagnose/input.ts";
import { isByTruth } from "../diagnose/remote.ts";
import { type View, viewOf } from "../diagnose/view.ts";
import type { Endpoint } from "../endpoints.ts";
import { within } from "../explain/command.ts";
import type { HostTables, NetworkTables, Space } from "../explain/tables.ts";
import { remoteObjection } from "../safety.ts";
import type { FdbRow } from "../fdb.ts";
import type { Tables } from "../tables.ts";
import type { Place } from "../truth/place.ts";
import { type Doubt, type Truth, truthOf, without } from "../truth/truth.ts";
import { fdbLine } from "../words.ts";
import type { ClusterFinding } from "./finding.ts";
import { type Answer, networkIn } from "./machines.ts";
import { answersRows, type ClusterTelling, staying } from "./telling.ts";

/** One network at one moment, as all that answered tell it. */
export interface Moment {
  readonly telling: ClusterTelling;
  readonly answers: ReadonlyMap<string, Answer>;
  /** By which addresses those that answered are known. */
  readonly vteps: ReadonlySet<string>;
  /** Which of them no row shows, in swarm mode. */
  readonly assumed: ReadonlySet<string>;
  /** By the word of any host; `unlisted`: no engine lists it, so that none knows. */
  readonly made: "encrypted" | "plain" | "unlisted";
  /** Some host did not answer. */
  readonly silence: boolean;
}

export interface Moments {
  readonly now: Moment;
  /** Where all were asked twice. */
  readonly before: Moment | undefined;
  /** What is believed by `now` alone, and by both. */
  readonly alone: Truth;
  readonly firm: Truth;
}

interface OnHost {
  readonly findings: readonly ClusterFinding[];
  /** Not as others tell, and not told and seen twice. */
  readonly doubtful: readonly ClusterFinding[];
  readonly unjudged: readonly Unjudged[];
  /** MACs that rows are for, and no host that answered runs, while some did not, or told only half of what they have. */
  readonly open: readonly string[];
}

interface Patient {
  readonly host: string;
  readonly tables: HostTables;
  readonly network: NetworkTables;
  readonly space: Space;
}

/** One host's namespace of a network against what all hosts tell. */
export function diagnoseHost(host: string, id: string, { now, before, alone, firm: twice }: Moments): OnHost {
  const patient = patientIn(now, host, id);
  if (patient === undefined)
    return { findings: [], doubtful: [], unjudged: unread(now.answers.get(host), id), open: [] };
  const earlier = before === undefined ? undefined : patientIn(before, host, id);
  const truth = truthFor(patient, twice, now);
  const input = inputOf(patient, truth, patient.space, earlier?.space);
  const { findings, unjudged } = judged(input, patient);
  const firm =
    earlier === undefined
      ? []
      : alsoIn(findings, judged(inputOf(patient, truthFor(earlier, twice, now), earlier.space), patient).findings);
  // As it looks now alone: what is not firm of that is in doubt.
  const seen =
    before === undefined
      ? findings
      : judged(inputOf(patient, truthFor(patient, alone, now), patient.space), patient).findings;
  const [view, named] = [viewOf(input), (all: readonly Finding[]) => all.map((one) => placed(one, patient, view, now))];
  return {
    findings: named([...findings.filter((one) => !isAgainst(one) && !isLeftOut(one)), ...firm]),
    doubtful: named(seen.filter((one) => isAgainst(one) && !firm.some((other) => keyOf(other) === keyOf(one)))),
    unjudged: [...unjudged.map((one) => ({ ...one, what: `${host}: ${one.what}` })), ...awayRows(patient, twice, now)],
    open: openMacs(patient, view, twice),
  };
}

function patientIn({ answers }: Moment, host: string, id: string): Patient | undefined {
  const answer = answers.get(host);
  const network = answer === undefined ? undefined : networkIn(answer, id);
  const space = network?.space;
  return answer === undefined || network === undefined || space === undefined
    ? undefined
    : { host, tables: answer.tables, network, space };
}

/** Rests on what others tell, or on that nobody tells it. */
const isAgainst = (one: Finding): boolean => isByTruth(one) || one.class === "orphan-row";

/** Told for all hosts together; and the missing row of a container that nobody tells of: whether it is one is not known. */
const isLeftOut = ({ class: of }: Finding): boolean => of === "duplicate-ip" || of === "missing-fdb";

const keyOf = ({ class: of, mac, device }: Finding): string => `${of} ${mac} ${device}`;

function alsoIn(all: readonly Finding[], before: readonly Finding[]): readonly Finding[] {
  const keys = new Set(before.map(keyOf));
  return all.filter((one) => isAgainst(one) && keys.has(keyOf(one)));
}

/** As this host has it: where a row leads to what may be a silent host, nothing is believed either. */
function truthFor({ tables, network }: Patient, truth: Truth, now: Moment): Truth {
  const own = new Set(tables.ownVteps);
  const [elsewhere, here] = [new Map<string, Place>(), new Map<string, Place>()];
  for (const [mac, place] of truth.elsewhere) (own.has(place.vtep) ? here : elsewhere).set(mac, place);
  const away = maybeAway(staying(network), tables, now);
  return without({ ...truth, elsewhere, here }, new Map(away.map(({ mac, dst = "" }) => [mac, quiet(maybe(dst))])));
}

/** Rows that lead to what may be a host that did not answer. */
function maybeAway(rows: readonly FdbRow[], { ownVteps }: HostTables, now: Moment): readonly FdbRow[] {
  const known = new Set([...now.vteps, ...ownVteps, "127.0.0.1", "::1"]);
  return now.silence ? rows.filter(({ dst = "" }) => !known.has(dst)) : [];
}

const maybe = (dst: string): string => `a row leads to ${dst}, which may be a host that did not answer`;

/** Not told by each host: once for all. */
const quiet = (why: string): Doubt => ({ why, blind: false });

/** For all hosts: nothing is believed of what changed, and of what answers contradict. */
export function commonTruth(before: Moment, now: Moment): Truth {
  const truth = truthOf(before.telling, now.telling, new Set());
  const doubts = [
    ...[...truth.disputed].map(([mac, { why }]) => [mac, why] as const),
    ...before.telling.contested,
    ...now.telling.contested,
  ];
  return without(truth, new Map(doubts.map(([mac, why]) => [mac, quiet(why)])));
}

function inputOf({ network, space: { netns } }: Patient, truth: Truth, space: Space, later?: Space): NamespaceInput {
  const { id, name, encrypted } = network;
  return {
    file: netns.split("/").at(-1) ?? "",
    key: "",
    kind: "overlay",
    network: { id, name },
    ...(encrypted ? { encrypted } : {}),
    tables: tablesOf(space),
    ...(later === undefined ? {} : { later: tablesOf(later) }),
    endpoints: endpointsOf(network, space),
    activity: new Map(space.sampled.map(({ mac, reads, onVxlan }) => [mac, { reads, onVxlan }])),
    truth,
  };
}

const tablesOf = ({ links, fdb, neighbours, unreadable = 0 }: Space): Tables => ({
  links,
  fdb,
  neighbours,
  unreadable,
});

function endpointsOf({ members }: NetworkTables, { links }: Space): readonly Endpoint[] {
  return members.map(({ kind, name, id, ip, mac, veth }) => {
    const port = links.find((link) => link.name === veth);
    const owner = id === undefined ? { kind, name } : { kind, name, id };
    return { owner, ip, mac, ...(port === undefined ? {} : { veth: port }) };
  });
}

/** No engine's version is in the tables: nothing is called healed by itself. */
function judged(input: NamespaceInput, { tables: { ownVteps }, network: { driver } }: Patient) {
  const [found] = diagnose({ engine: { version: undefined, driver }, ownVteps, namespaces: [input] }).namespaces;
  return found ?? { findings: [], unjudged: [] };
}

function placed(finding: Finding, patient: Patient, view: View, now: Moment): ClusterFinding {
  const { host, network } = patient;
  const place = isAgainst(finding) ? view.input.truth?.elsewhere.get(finding.mac ?? "") : undefined;
  if (place !== undefined && finding.device !== null)
    return { ...finding, host, ...cureOf(place, finding, patient, view, now) };
  // Its own host knows whether it heals it.
  const { why, ...rest } = finding;
  const told = finding.remedy === "pin" || why === undefined ? rest : { ...rest, why };
  const isCutOff = finding.class === "local-mac-on-vxlan-port" && finding.state === "active";
  return { ...told, host, command: isCutOff ? `overlaywatch cleanup --network ${network.id.slice(0, 12)}` : null };
}

function cureOf(place: Place, { class: of, device }: Finding, { network, space }: Patient, view: View, now: Moment) {
  const against = remoteObjection(view, place) ?? objection(place, network, now);
  if (against !== undefined) return { why: against, command: null };
  const dev = ["dev", device ?? ""];
  const made =
    now.made === "unlisted" ? ", and no engine lists the network, so that none tells whether it is encrypted" : "";
  const row =
    of === "wrong-neighbour"
      ? ["ip", "neigh", "replace", place.ip, "lladdr", place.mac, ...dev, "nud", "permanent"]
      : ["bridge", "fdb", "replace", place.mac, ...dev, "dst", place.vtep, "self", "permanent"];
  return {
    why: `it rests on what hosts tell of themselves${made}: a person decides`,
    command: within(space.netns, ...row),
  };
}

function objection({ vtep }: Place, { driver }: NetworkTables, { assumed, made }: Moment): string | undefined {
  if (made === "encrypted") return "the network is encrypted";
  return driver === "swarm" && assumed.has(vtep)
    ? `no row shows that ${vtep} is the address of its data path: it may have another one`
    : undefined;
}

function awayRows({ host, tables, network }: Patient, truth: Truth, now: Moment): readonly Unjudged[] {
  return maybeAway(staying(network), tables, now)
    .filter(({ mac }) => truth.elsewhere.has(mac))
    .map((row) => ({ what: `${host}: ${fdbLine(row)}`, why: maybe(row.dst ?? ""), blind: true }));
}

/** Rows of them may be right or wrong by what a host would say that did not answer, or tells only half of what it has. */
function openMacs({ network }: Patient, { byMac }: View, truth: Truth): readonly string[] {
  if (truth.complete) return [];
  const macs = new Set([...staying(network).map(({ mac }) => mac), ...answersRows(network)]);
  return [...macs].filter((mac) => !byMac.has(mac) && !truth.elsewhere.has(mac) && !truth.disputed.has(mac));
}

function unread(answer: Answer | undefined, id: string): readonly Unjudged[] {
  const network = answer === undefined ? undefined : networkIn(answer, id);
  if (answer === undefined || network === undefined || network.members.length === 0) return [];
  const why = "it has containers of it, and its namespace could not be read there";
  return [{ what: `${answer.host}: the rows of ${network.name}`, why, blind: true }];
}
