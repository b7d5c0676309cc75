import type { Iproute2 } from "../../host/iproute2/program.ts";
import type { Diagnosis, Finding, FindingClass } from "../diagnose/finding.ts";
import type { DiagnoseInput, NamespaceInput } from "../diagnose/input.ts";
import { type View, viewOf } from "../diagnose/view.ts";
import type { Endpoint } from "../endpoints.ts";
import { objection } from "../safety.ts";
import { BadChange, type Change, commandOf, expectationOf } from "./change.ts";
import { departedActions } from "./departed.ts";
import { type GateFacts, closedGates, plainOverlay, type Refusal, type Who } from "./gates.ts";
import { withinLimits } from "./headroom.ts";
import { type Caps, fleetPause, killSwitch, pause, type Limits, type LimitsEvent } from "./limits.ts";
import { againstRemote, type RemotePatient, remotePatients, remoteSteps } from "./remote.ts";
import { type Step, stepsOf } from "./steps.ts";

/** FACTS of the lab: `pin` and `clean` heal, `learning-off` too at the price of flooding; `arp` does not, and says so. */
export const strategies = ["pin", "clean", "arp", "learning-off"] as const;
export type Strategy = (typeof strategies)[number];

/** One change of one row, ready to be run. */
export interface Action {
  readonly netns: string;
  readonly network: string;
  readonly container: string;
  readonly ip: string;
  readonly mac: string;
  readonly change: Change;
  readonly command: Iproute2;
  readonly reason: string;
  readonly class: FindingClass;
  /** Puts exactly back what was, the fault too; undefined where traffic alone brings it back. */
  readonly undo: Iproute2 | undefined;
  readonly undoChange: Change | undefined;
  /** What has to be seen in the tables afterwards. */
  readonly verify: string;
  /** Nobody here has the MAC any more: it may be behind the vxlan port, and there is nobody to ping. */
  readonly departed?: true;
  /** Of a container on another host: its MAC belongs on the vxlan port. */
  readonly remote?: true;
}

export interface Plan {
  readonly strategy: Strategy;
  /** In the order in which they are to be run: pins, then neighbours, then self rows. */
  readonly actions: readonly Action[];
  /** MACs that count as healed once these are run: not those whose pin only comes back. */
  readonly heals: readonly { readonly netns: string; readonly mac: string }[];
  /** Rules, gates and limits that stopped all or part of it. */
  readonly refused: readonly Refusal[];
  /** Faults that no rule lets this program heal: a person has to judge. */
  readonly ambiguous: readonly Refusal[];
  /** To be kept before anything else is done. */
  readonly trips: LimitsEvent | undefined;
}

export interface PlanInput {
  readonly input: DiagnoseInput;
  readonly diagnosis: Diagnosis;
  readonly strategy: Strategy;
  /** Latent faults too, ahead of harm. */
  readonly all: boolean;
  /** Of what `limits` has pinned: pins that went with their veth are put back, where the rows would harm without. */
  readonly repin?: boolean;
  /** Id or name; all networks where missing. */
  readonly network?: string;
  readonly facts: Omit<GateFacts, "strategy" | "engine" | "who">;
  readonly who: Who;
  readonly limits: Limits;
  readonly caps?: Caps;
}

/** Pure: what would be done, in order, and what not and why. */
export function planRemedy(wanted: PlanInput): Plan {
  const { strategy, input, who } = wanted;
  const none = { strategy, actions: [], heals: [], ambiguous: [], trips: undefined };
  const standing = standstill(wanted.limits, wanted.facts.now);
  if (standing !== undefined) return { ...none, refused: [standing] };
  const closed = closedGates({ ...wanted.facts, strategy, engine: input.engine, who });
  if (closed.length > 0) return { ...none, refused: closed };
  const { sick, ambiguous } = sorted(wanted);
  const { healed, refused, trips } = withinLimits(sick, wanted, allActive(wanted));
  const of = actionsOf(healed, wanted, refused);
  const isStopped = refused.some(({ rule }) => rule === "breaker");
  const isTold = ({ netns, mac }: Action): boolean => of.actions.some((one) => one.netns === netns && one.mac === mac);
  const departed = isStopped ? [] : departedActions(wanted).filter((one) => !isTold(one));
  const actions = inOrder([...of.actions, ...departed]);
  return { strategy, ...of, actions, ambiguous, trips };
}

/** What a person ordered, for the program and for all other persons. */
export function standstill(limits: Limits, now: number): Refusal | undefined {
  const killed = killSwitch(limits);
  if (killed !== undefined) return { rule: "kill-switch", sentence: killed };
  const paused = pause(limits, now) ?? fleetPause(limits, now);
  return paused === undefined ? undefined : { rule: "pause", sentence: paused };
}

/** A local endpoint that is to be healed, with what was found about it. */
interface LocalPatient {
  readonly view: View;
  readonly endpoint: Endpoint;
  readonly findings: readonly Finding[];
  /** It was healed before, and only its pin is to come back. */
  readonly again: boolean;
}

export type Patient = LocalPatient | RemotePatient;

interface Sorted {
  readonly sick: readonly Patient[];
  readonly ambiguous: readonly Refusal[];
}

function sorted(wanted: PlanInput): Sorted {
  const patients = wanted.input.namespaces
    .filter(({ network }) => isWanted(network, wanted.network))
    .flatMap((namespace) => patientsIn(namespace, wanted));
  const judged = patients.map((patient) => ({ patient, against: against(patient, wanted.who) }));
  return {
    sick: judged.flatMap(({ patient, against: reason }) => (reason === undefined ? [patient] : [])),
    ambiguous: [
      ...judged.flatMap(({ patient, against: reason }) => (reason === undefined ? [] : [refusalOf(patient, reason)])),
      ...strangers(wanted),
    ],
  };
}

const isWanted = (network: NamespaceInput["network"], wanted: string | undefined): boolean =>
  wanted === undefined || network?.id === wanted || network?.name === wanted;

function patientsIn(
  namespace: NamespaceInput,
  { diagnosis, all, repin = false, limits }: PlanInput,
): readonly Patient[] {
  const found = diagnosis.namespaces.find(({ file }) => file === namespace.file)?.findings ?? [];
  const view = viewOf(namespace);
  const isKept = (mac: string): boolean =>
    repin && (limits.pins ?? []).some((pin) => pin.networkId === namespace.network?.id && pin.mac === mac);
  const local = (namespace.endpoints ?? []).flatMap((endpoint): readonly Patient[] => {
    const { mac } = endpoint;
    const findings = found.filter((one) => one.mac === mac && isTreated(one, all || isKept(mac)));
    const again = !all && findings.every(({ state }) => state !== "active");
    return findings.length === 0 ? [] : [{ view, endpoint, findings, again }];
  });
  return [...local, ...remotePatients(view, found, all)];
}

const rowClasses: readonly FindingClass[] = ["stale-local", "self-loop", "local-mac-on-vxlan-port"];

const isTreated = (finding: Finding, all: boolean): boolean =>
  rowClasses.includes(finding.class) && (finding.state === "active" || (all && finding.state === "latent"));

const against = (patient: Patient, who: Who): string | undefined =>
  ("place" in patient ? againstRemote(patient) : objection(patient.view, patient.endpoint)) ??
  plainOverlay(patient.view.input, who);

const refusalOf = ({ endpoint }: Patient, sentence: string): Refusal => {
  return { rule: "endpoint", sentence, container: endpoint.owner.name, mac: endpoint.mac };
};

/** Faults that harm now, and are rows of no endpoint that is known. */
function strangers({ input, diagnosis, network }: PlanInput): readonly Refusal[] {
  return input.namespaces
    .filter((namespace) => isWanted(namespace.network, network))
    .flatMap((namespace) => {
      const found = diagnosis.namespaces.find((one) => one.file === namespace.file)?.findings ?? [];
      const known = new Set(remotePatients(viewOf(namespace), found, false).flatMap(({ findings }) => findings));
      return found.filter((one) => !known.has(one));
    })
    .filter(({ class: of, state, container }) => state === "active" && (!rowClasses.includes(of) || container === null))
    .map(({ evidence, why = "" }) => ({ rule: "truth", sentence: `${why}: ${evidence}` }));
}

const knownIn = ({ endpoints, truth }: NamespaceInput): number =>
  (endpoints?.length ?? 0) + (truth?.elsewhere.size ?? 0);

/** The breaker looks at the whole host, whatever network was asked for. */
function allActive({ diagnosis, input }: PlanInput): { readonly active: number; readonly endpoints: number } {
  const active = diagnosis.namespaces.flatMap(({ file, findings }) =>
    findings
      .filter(({ state, container }) => state === "active" && container !== null)
      .map(({ mac }) => `${file} ${mac}`),
  );
  const endpoints = input.namespaces.reduce((sum, namespace) => sum + knownIn(namespace), 0);
  return { active: new Set(active).size, endpoints };
}

function actionsOf(healed: readonly Patient[], { strategy, input }: PlanInput, refused: readonly Refusal[]) {
  const actions: Action[] = [];
  const more: Refusal[] = [...refused];
  const ownVteps = new Set(input.ownVteps);
  for (const patient of healed) {
    try {
      actions.push(...stepsFor(patient, strategy, ownVteps).map((step) => actionOf(patient, step)));
    } catch (error) {
      if (!(error instanceof BadChange)) throw error;
      more.push({ ...refusalOf(patient, error.message), rule: "arguments" });
    }
  }
  return { actions: once(actions), heals: healsOf(healed, actions), refused: more };
}

function stepsFor(patient: Patient, strategy: Strategy, ownVteps: ReadonlySet<string>): readonly Step[] {
  return "place" in patient ? remoteSteps(patient) : stepsOf(patient, patient.again ? "pin" : strategy, ownVteps);
}

function healsOf(healed: readonly Patient[], actions: readonly Action[]): Plan["heals"] {
  const all = healed
    .filter(({ again }) => !again)
    .map(({ view, endpoint: { mac } }) => ({ netns: view.input.file, mac }));
  return all.filter(({ netns, mac }) => actions.some((one) => one.netns === netns && one.mac === mac));
}

function actionOf(patient: Patient, { change, undo, reason }: Step): Action {
  const { view, endpoint, findings } = patient;
  const worst = findings.find(({ state }) => state === "active") ?? findings[0];
  return {
    netns: view.input.file,
    network: view.input.network?.id ?? "",
    container: endpoint.owner.name,
    ip: endpoint.ip,
    mac: endpoint.mac,
    change,
    command: commandOf(change),
    reason,
    class: classOf(change, worst?.class ?? "stale-local"),
    undo: undo === undefined ? undefined : commandOf(undo),
    undoChange: undo,
    verify: expectationOf(change),
    ...("place" in patient ? { remote: true } : {}),
  };
}

function classOf({ kind }: Change, worst: FindingClass): FindingClass {
  if (kind === "drop-neighbour") return "stale-local";
  if (kind === "drop-self-row") return "self-loop";
  return kind === "drop-bridge-row" || kind === "pin" ? "local-mac-on-vxlan-port" : worst;
}

/** A subnet's learning is switched once, whoever wanted it. */
function once(actions: readonly Action[]): readonly Action[] {
  const seen = new Map(actions.toReversed().map((action) => [`${action.netns} ${action.command.join(" ")}`, action]));
  return actions.filter((action) => seen.get(`${action.netns} ${action.command.join(" ")}`) === action);
}

/**
 * Pins first: traffic is back with the first of them. Neighbours before self rows, and learned rows last: while the proxy
 * still answers, or frames still loop, a flood would put them back.
 */
function inOrder(actions: readonly Action[]): readonly Action[] {
  const ranks: readonly Change["kind"][] = [
    "learning",
    "pin",
    "put-self-row",
    "drop-neighbour",
    "drop-self-row",
    "drop-bridge-row",
    "ask",
  ];
  return actions.toSorted((a, b) => ranks.indexOf(a.change.kind) - ranks.indexOf(b.change.kind));
}
