import { DockerError } from "../../host/docker/error.ts";
import { type Lock, Locked } from "../../host/lock.ts";
import { NotAvailable } from "../../host/host.ts";
import { type Echo, startEcho } from "../../host/sockets/echo.ts";
import { ownUser } from "../../host/own-user.ts";
import { returned } from "../../overlay/remedy/departed.ts";
import type { HostWideClass } from "../../overlay/remedy/host-wide.ts";
import type { Who } from "../../overlay/remedy/gates.ts";
import { type Limits, type LimitsEvent } from "../../overlay/remedy/limits.ts";
import { type Plan, standstill, type Strategy } from "../../overlay/remedy/plan.ts";
import { chosen } from "../chosen-network.ts";
import { errorText } from "../error-text.ts";
import { apply } from "./apply.ts";
import { actionJson, type CleanupJson, nothingDone, type RemedyOutcome } from "./outcome.ts";
import { cleanHostWide } from "./host-wide.ts";
import { planFor, type Planned } from "./planned.ts";
import type { RemedySettings } from "./settings.ts";
import { type RemedyState, remedyState } from "./state.ts";
import { openWard, type Ward } from "./ward.ts";

export interface CleanupRequest {
  readonly apply: boolean;
  readonly strategy: Strategy;
  readonly all: boolean;
  /** Pins that went with their veth come back. */
  readonly repin: boolean;
  readonly who: Who;
  readonly network: string | undefined;
  /** In place of rows. */
  readonly hostWide?: HostWideClass;
  /** For those that find the lock taken. */
  readonly holder: string;
  /** Told before something is waited for. */
  readonly say?: (sentence: string) => void;
}

/** One cleanup, from the lock to the outcome. Throws `UsageError`, the signal's reason, and what nobody foresaw. */
export async function cleanup(
  config: RemedySettings,
  request: CleanupRequest,
  signal: AbortSignal,
  open: OpenWard = async () => openWard(config, signal, request.say),
): Promise<CleanupJson> {
  const state = remedyState(config);
  const end = (outcome: RemedyOutcome, rule: string, sentence: string): CleanupJson => {
    return { ...nothingDone, outcome, strategy: nameOf(request), refused: [{ rule, sentence }] };
  };
  if (request.apply && ownUser() !== 0)
    return end("refused", "root", "only root may change what is in a network namespace");
  let lock: Lock | undefined;
  try {
    if (request.apply) lock = await state.lock(request.holder);
    const limits = await state.limits(Date.now());
    return await withWard({ open, config, request, state, limits }, signal);
  } catch (error) {
    const known = kindOf(error);
    if (known === undefined) throw error;
    return end(known[0], known[1], errorText(error));
  } finally {
    lock?.release();
  }
}

/** What is a normal end, and not a fault of this program. */
function kindOf(error: unknown): readonly [RemedyOutcome, string] | undefined {
  if (error instanceof Locked) return ["locked", "lock"];
  if (error instanceof DockerError) return ["unavailable", "docker"];
  if (error instanceof NotAvailable) return ["refused", "access"];
  if (error instanceof Error && error.name === "BadFile") return ["refused", "limits"];
  return error instanceof StateError ? ["refused", "state"] : undefined;
}

/** The state folder can not be written: then nothing else is. */
class StateError extends Error {}

/** What a cleanup is told as: of rows the way they are healed. */
const nameOf = ({ strategy, hostWide }: CleanupRequest): string => hostWide ?? strategy;

type OpenWard = () => Promise<Ward>;

interface Run {
  readonly open: OpenWard;
  readonly config: RemedySettings;
  readonly request: CleanupRequest;
  readonly state: RemedyState;
  readonly limits: Limits;
}

async function withWard(run: Run, signal: AbortSignal): Promise<CleanupJson> {
  const { open, config, request, state, limits } = run;
  const base = { ...nothingDone, strategy: nameOf(request), unfinished: await state.undo.unfinished() };
  const stands = standstill(limits, Date.now());
  if (stands !== undefined) return { ...base, outcome: "refused", refused: [stands] };
  const ward = await open();
  const { hostWide: of, apply: isApplied, say = () => undefined } = request;
  if (of !== undefined) {
    try {
      return { ...base, ...(await cleanHostWide(ward, { of, apply: isApplied, config, state, say }, signal)) };
    } finally {
      await ward.close();
    }
  }
  // Now, so that it is ready when the look is done.
  const echo = request.apply ? startEcho() : undefined;
  try {
    const network = request.network === undefined ? undefined : chosen(request.network, ward.inventory().networks);
    const planned = await planFor(ward, { ...request, network, limits }, signal);
    const back = request.repin && request.apply ? returned(planned.examination.input, limits) : [];
    await kept(
      state,
      back.map(({ networkId, mac }) => ({ kind: "returned", networkId, mac })),
    );
    return { ...base, ...(await carryOut(run, ward, planned, echo)) };
  } finally {
    await Promise.all([ward.close(), echo?.close()]);
  }
}

type Told = Partial<CleanupJson> & Pick<CleanupJson, "outcome">;

async function carryOut({ request, state }: Run, ward: Ward, planned: Planned, echo: Echo | undefined): Promise<Told> {
  const { plan, pathOf } = planned;
  const { refused, ambiguous } = plan;
  if (echo === undefined || plan.actions.length === 0) {
    if (request.apply && plan.trips !== undefined) await kept(state, [plan.trips]);
    const actions = plan.actions.map((one) => actionJson(one, pathOf(one.netns), "planned"));
    return { outcome: outcomeOf(plan), refused, ambiguous, actions };
  }
  // Noted before it is done: one that is killed in its midst counts too.
  const at = Date.now();
  await kept(state, [
    ...plan.heals.map((one) => ({ kind: "healed", at, ...one }) as const),
    ...leaving(plan).map((one) => ({ kind: "left", ...one }) as const),
  ]);
  return apply(planned, ward, state, echo);
}

/** Each MAC whose rows are taken away because its container left. */
function leaving({ actions }: Plan): readonly { readonly networkId: string; readonly mac: string }[] {
  const gone = actions.filter(({ departed }) => departed === true);
  const byKey = new Map(gone.map(({ network: networkId, mac }) => [`${networkId} ${mac}`, { networkId, mac }]));
  return [...byKey.values()];
}

function outcomeOf({ actions, refused, ambiguous }: Plan): RemedyOutcome {
  if (actions.length > 0) return "planned";
  if (refused.length > 0) return "refused";
  return ambiguous.length > 0 ? "ambiguous" : "nothing";
}

async function kept(state: RemedyState, events: readonly LimitsEvent[]): Promise<void> {
  if (events.length === 0) return;
  try {
    await state.add(...events);
  } catch (cause) {
    throw new StateError("what is healed could not be noted, so nothing is healed", { cause });
  }
}
