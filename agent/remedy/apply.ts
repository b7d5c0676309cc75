import type { Echo } from "../../host/sockets/echo.ts";
import { finish } from "../../host/undo-folder.ts";
import { act, type Treatment } from "../../overlay/remedy/act.ts";
import { liveHands, type Place } from "../../overlay/remedy/hands.ts";
import type { LimitsEvent } from "../../overlay/remedy/limits.ts";
import { activeKey, probesOf } from "../../overlay/remedy/probes.ts";
import { encodeUndoFile } from "../../overlay/remedy/undo-file.ts";
import { actionJson, type CleanupJson, type RemedyOutcome } from "./outcome.ts";
import type { Planned } from "./planned.ts";
import type { RemedyState } from "./state.ts";
import type { Ward } from "./ward.ts";
import { hostKey } from "../host-key.ts";

type Told = Partial<CleanupJson> & Pick<CleanupJson, "outcome">;

/** Does what was planned. Once begun it is brought to its end, whatever signal comes. */
export async function apply(planned: Planned, ward: Ward, state: RemedyState, echo: Echo): Promise<Told> {
  const { plan, examination } = planned;
  const now = Date.now();
  const earlier = await state.undo.unfinished();
  const name = `${new Date(now).toISOString().replaceAll(":", "-")}-${plan.strategy}`;
  const { signal } = new AbortController();
  const hands = liveHands({
    places: placesOf(planned),
    entry: ward.overlays,
    signal,
    probe: async (targets) => echo.probe(targets, { signal, gapMs: 8, waitMs: 120 }),
    keep: async (file) => state.undo.keep(name, encodeUndoFile(file)),
  });
  const patient = {
    input: examination.input,
    probes: probesOf(plan.actions, { ...examination, active: activeIn(planned), namespaceOf: ward.namespaceOf }),
    host: hostKey(),
    now,
    objection: objectionOf(planned, ward),
    withoutPins: (input: typeof examination.input) => planned.again("learning-off", input),
  };
  const treatment = await act(plan, patient, hands);
  if (treatment.outcome === "cured") await state.add(...pinsOf(treatment, now));
  return told(planned, treatment, await settled(treatment, earlier));
}

/** Kept, so that they come back with the container's next veth. */
function pinsOf({ actions, results }: Treatment, at: number): readonly LimitsEvent[] {
  return actions
    .filter((action) => action.change.kind === "pin" && results.get(action) === "done")
    .map(({ network: networkId, mac }) => ({ kind: "pinned", at, networkId, mac }));
}

function placesOf({ examination, plan }: Planned): ReadonlyMap<string, Place> {
  const wanted = new Set(plan.actions.map(({ netns }) => netns));
  const all = examination.namespaces.filter(({ namespace }) => wanted.has(namespace.file));
  return new Map(all.map(({ namespace }) => [namespace.file, namespace]));
}

function activeIn({ examination }: Planned): ReadonlySet<string> {
  const all = examination.namespaces.flatMap(({ namespace, findings }) =>
    findings.filter(({ state }) => state === "active").map(({ mac }) => activeKey(namespace.file, mac)),
  );
  return new Set(all);
}

/** Local facts are Docker's of this very moment: it answers, and the containers that are to be healed are the same. */
function objectionOf({ examination, plan, running }: Planned, ward: Ward): () => string | undefined {
  const names = new Set(plan.actions.map(({ container }) => container));
  const owners = examination.namespaces.flatMap(({ input }) => input.endpoints ?? []).map(({ owner }) => owner);
  const ids = new Set(owners.flatMap(({ name, id }) => (names.has(name) && id !== undefined ? [id] : [])));
  const before = ward.inventory().containers.filter(({ id }) => ids.has(id));
  return () => {
    const { state, containers, error = "it does not answer" } = ward.inventory();
    if (state !== "live") return `Docker can not be asked any more: ${error}`;
    const gone = [...ids].some((id) => !running.has(id)) || before.length !== ids.size;
    const other = before.find((one) => !containers.includes(one));
    return gone || other !== undefined
      ? "a container that was to be healed is gone, or changed, since it was looked at"
      : undefined;
  };
}

/** A cure makes what earlier runs left of no concern; what could not be undone stays marked. */
async function settled({ outcome, undo, actions }: Treatment, earlier: readonly string[]) {
  const done = outcome === "cured" || outcome === "undone";
  const path = undo === undefined || !done ? undo : await finish(undo);
  const heals = outcome === "cured" && actions.some(({ departed }) => departed !== true);
  if (heals) for (const one of earlier) await finish(one);
  return { path, unfinished: heals ? [] : earlier };
}

const outcomes: Readonly<Record<Treatment["outcome"], RemedyOutcome>> = {
  cured: "cured",
  refused: "refused",
  undone: "undone",
  failed: "failed",
};

function told(
  { plan, pathOf }: Planned,
  { outcome, actions, results, losses, notes, undo: _undo }: Treatment,
  { path, unfinished }: Awaited<ReturnType<typeof settled>>,
): Told {
  const left = outcome === "cured" && plan.ambiguous.length > 0;
  // Rows of who is gone were taken away, and somebody who is here was not healed.
  const none = outcome === "cured" && plan.refused.length > 0 && actions.every(({ departed }) => departed === true);
  const refusal = outcome === "refused" ? notes.map((sentence) => ({ rule: "now", sentence })) : [];
  return {
    outcome: none ? "refused" : left ? "ambiguous" : outcomes[outcome],
    actions: actions.map((one) => actionJson(one, pathOf(one.netns), results.get(one) ?? "not tried")),
    verified: outcome === "cured",
    undo: path ?? null,
    loss: losses,
    notes: outcome === "refused" ? [] : notes,
    refused: [...plan.refused, ...refusal],
    ambiguous: plan.ambiguous,
    unfinished,
  };
}
