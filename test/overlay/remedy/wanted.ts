import { diagnose } from "../../../overlay/diagnose/diagnose.ts";
import type { DiagnoseInput, NamespaceInput } from "../../../overlay/diagnose/input.ts";
import { noLimitsYet } from "../../../overlay/remedy/limits.ts";
import type { Plan, PlanInput } from "../../../overlay/remedy/plan.ts";
import { readCase } from "../diagnose/case.ts";

export const now = Date.UTC(2026, 0, 1);

/** All gates open: Docker has just answered, the engine runs since an hour. */
const openFacts = { now, dockerAsOf: now - 100, engineStartedAt: now - 3_600_000 };

export const caseOf = (name: string): DiagnoseInput => readCase(`test/overlay/diagnose/cases/${name}`);

/** What to plan for a captured host, in the tests' words. */
export function wanted(input: DiagnoseInput, more: Partial<PlanInput> = {}): PlanInput {
  return {
    input,
    diagnosis: diagnose(input),
    strategy: "pin",
    all: false,
    // It heals on no engine, so nothing is done by it unattended.
    who: more.strategy === "arp" ? "operator" : "automatic",
    facts: openFacts,
    limits: noLimitsYet,
    ...more,
  };
}

/** The host with its first namespace changed. */
export function withFirst(
  input: DiagnoseInput,
  change: (first: NamespaceInput) => Partial<NamespaceInput>,
): DiagnoseInput {
  const namespaces = input.namespaces.map((one, at) => (at === 0 ? { ...one, ...change(one) } : one));
  return { ...input, namespaces };
}

export const commandsOf = ({ actions }: Plan): readonly string[] => actions.map(({ command }) => command.join(" "));

export const rulesOf = ({ refused }: Plan): readonly string[] => refused.map(({ rule }) => rule);
