import type { Examination } from "../../overlay/examine/examination.ts";
import type { Unjudged } from "../../overlay/diagnose/finding.ts";
import type { DiagnoseInput } from "../../overlay/diagnose/input.ts";
import type { Who } from "../../overlay/remedy/gates.ts";
import type { Limits } from "../../overlay/remedy/limits.ts";
import { type Plan, type PlanInput, planRemedy, type Strategy } from "../../overlay/remedy/plan.ts";
import { contradictions, withoutContradicted, type Witness } from "../../overlay/remedy/witness.ts";
import type { Ward } from "./ward.ts";

interface Wanted {
  readonly strategy: Strategy;
  readonly all: boolean;
  readonly repin: boolean;
  readonly who: Who;
  readonly network: string | undefined;
  readonly limits: Limits;
}

export interface Planned {
  readonly examination: Examination;
  readonly plan: Plan;
  /** The path of a namespace, by the name of its file. */
  readonly pathOf: (netns: string) => string;
  /** The same in another way, by tables as they are later. */
  readonly again: (strategy: Strategy, input: DiagnoseInput) => Plan;
  /** Ids of running containers, as Docker listed them after the look. */
  readonly running: ReadonlySet<string>;
}

/**
 * Looks, asks Docker once more who runs, and plans by both. Rejects as `openWard` and `examine` do. By itself it does first
 * what needs no waiting for a second telling of other hosts' containers.
 */
export async function planFor(ward: Ward, wanted: Wanted, signal: AbortSignal): Promise<Planned> {
  if (wanted.who === "operator") return planOf(ward, wanted, true, signal);
  const first = await planOf(ward, wanted, false, signal);
  const isUnsettled = first.examination.input.namespaces.some(({ truth }) => (truth?.disputed.size ?? 0) > 0);
  return isUnsettled && first.plan.actions.length === 0 ? planOf(ward, wanted, true, signal) : first;
}

async function planOf(ward: Ward, wanted: Wanted, wait: boolean, signal: AbortSignal): Promise<Planned> {
  const examination = await ward.examine(signal, wait);
  const running = await ward.running(signal);
  const dockerAsOf = ward.inventory().state === "live" ? Date.now() : undefined;
  const planned = (strategy: Strategy, input: DiagnoseInput): Plan =>
    planRemedy(planInput({ ward, wanted: { ...wanted, strategy }, examination, dockerAsOf, input }));
  const first = planned(wanted.strategy, examination.input);
  const said = await contradictions(witnessesOf(first, examination, ward), ward.overlays.run, signal);
  const again = (strategy: Strategy, input: DiagnoseInput): Plan => withoutContradicted(planned(strategy, input), said);
  const plan = withBlindness(withoutContradicted(first, said), examination);
  return { examination, plan, pathOf: (netns) => pathIn(examination, netns), again, running };
}

/** Each endpoint that the plan would touch, once. */
function witnessesOf({ actions }: Plan, { input }: Examination, ward: Ward): readonly Witness[] {
  return input.namespaces.flatMap(({ file, endpoints = [] }) =>
    endpoints
      .filter(({ mac }) => actions.some((action) => action.netns === file && action.mac === mac))
      .map((endpoint) => ({ netns: file, endpoint, path: ward.namespaceOf(endpoint) })),
  );
}

interface Parts {
  readonly ward: Ward;
  readonly wanted: Wanted;
  readonly examination: Examination;
  readonly dockerAsOf: number | undefined;
  readonly input: DiagnoseInput;
}

function planInput({ ward, wanted, examination, dockerAsOf, input }: Parts): PlanInput {
  const { strategy, all, repin, who, limits, network } = wanted;
  const state = ward.engine?.swarmState ?? "";
  const facts = {
    now: Date.now(),
    dockerAsOf,
    engineStartedAt: ward.engineStartedAt,
    swarmUnsettled: state === "locked" || state === "pending",
  };
  const { diagnosis } = examination;
  return { input, diagnosis, strategy, all, repin, who, limits, facts, ...(network === undefined ? {} : { network }) };
}

function pathIn({ namespaces }: Examination, netns: string): string {
  return namespaces.find(({ namespace }) => namespace.file === netns)?.namespace.path ?? netns;
}

/** With nothing to do because nothing could be seen, it must not be said that nothing is to be done. */
function withBlindness(plan: Plan, { verdict, unjudged, namespaces }: Examination): Plan {
  if (verdict !== "unknown" || plan.actions.length + plan.refused.length + plan.ambiguous.length > 0) return plan;
  const all = [...unjudged, ...namespaces.flatMap((one) => one.unjudged)].filter(({ blind }) => blind);
  return {
    ...plan,
    refused: all.filter((one) => !isElsewhere(one)).map(told),
    ambiguous: all.filter(isElsewhere).map(told),
  };
}

const told = ({ what, why }: Unjudged) => ({ rule: "not-judged", sentence: `${what}: ${why}` });
const isElsewhere = ({ about }: Unjudged): boolean => about === "elsewhere";
