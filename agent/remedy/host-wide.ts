import { setTimeout as sleep } from "node:timers/promises";
import { NotAvailable } from "../../host/host.ts";
import { ProgramError } from "../../host/iproute2/error.ts";
import { availableMemory, readNeighbourLimits, writeNeighbourLimit } from "../../host/neighbour-limits.ts";
import { finish } from "../../host/undo-folder.ts";
import { hostVxlans } from "../../overlay/examine/left-over.ts";
import {
  type HostChange,
  type HostWideClass,
  hostCommand,
  hostReason,
  planHostWide,
} from "../../overlay/remedy/host-wide.ts";
import { actHostWide, type HostHands, linkAgeMs } from "../../overlay/remedy/host-wide-act.ts";
import { encodeHostWideNote } from "../../overlay/remedy/host-wide-note.ts";
import { hostKey } from "../host-key.ts";
import { type ActionJson, type CleanupJson, nothingDone } from "./outcome.ts";
import type { RemedySettings } from "./settings.ts";
import type { RemedyState } from "./state.ts";
import type { Ward } from "./ward.ts";

interface Wanted {
  readonly of: HostWideClass;
  readonly apply: boolean;
  readonly config: RemedySettings;
  readonly state: RemedyState;
  readonly say: (sentence: string) => void;
}

type Told = Omit<CleanupJson, "unfinished" | "strategy">;

/** What concerns the host and no network, healed because a person asks for just that. Rejects as `openWard` and `examine` do. */
export async function cleanHostWide(ward: Ward, wanted: Wanted, signal: AbortSignal): Promise<Told> {
  const { of, apply, config, state, say } = wanted;
  const { host_root: hostRoot } = config.paths;
  const { input, diagnosis } = await ward.examine(signal, false);
  await ward.running(signal);
  const { changes, refused } = planHostWide(of, { input, diagnosis }, factsOf(ward, hostRoot));
  const told = (outcome: CleanupJson["outcome"], results: readonly string[] = []): Told => {
    const actions = changes.map((one, at) => actionOf(one, of, results[at] ?? "planned"));
    return { ...nothingDone, outcome, actions, refused };
  };
  if (changes.length === 0) return told(refused.length > 0 ? "refused" : "nothing");
  if (!apply) return told("planned");
  const createdAt = Date.now();
  const note = encodeHostWideNote({ version: 1, kind: "host-wide", createdAt, host: hostKey(), changes });
  const path = await state.undo.keep(`${new Date(createdAt).toISOString().replaceAll(":", "-")}-${of}`, note);
  if (of === "orphan-vxlan-link")
    say(`${linkAgeMs / 1000} s are waited: a device of a join that goes on is gone by then`);
  // Once begun it is brought to its end, whatever signal comes.
  const { outcome, results, notes } = await actHostWide(changes, hostHands(ward.overlays, hostRoot));
  const undo = outcome === "failed" ? path : await finish(path);
  const now = outcome === "refused" ? notes.map((sentence) => ({ rule: "now", sentence })) : [];
  const rest = { undo, notes: outcome === "refused" ? [] : notes, refused: [...refused, ...now] };
  return { ...told(outcome, results), ...rest, verified: outcome === "cured" };
}

function actionOf(change: HostChange, of: HostWideClass, result: string): ActionJson {
  const nobody = { container: "", ip: "", mac: "", network: "", netns: "" };
  return { command: hostCommand(change), reason: hostReason(change), class: of, result, ...nobody };
}

function factsOf(ward: Ward, hostRoot: string) {
  return {
    now: Date.now(),
    limits: unlessAbsent(() => readNeighbourLimits(hostRoot)),
    memory: unlessAbsent(() => availableMemory(hostRoot)),
    dockerAsOf: ward.inventory().state === "live" ? Date.now() : undefined,
    engineStartedAt: ward.engineStartedAt,
  };
}

/** Undefined where the source is not there. */
export function unlessAbsent<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof NotAvailable) return undefined;
    throw error;
  }
}

export function hostHands(overlays: Ward["overlays"], hostRoot: string): HostHands {
  const { signal } = new AbortController();
  const { hostNetns } = overlays;
  return {
    limits: () => readNeighbourLimits(hostRoot),
    setLimit: (name, value) => writeNeighbourLimit(hostRoot, name, value),
    links: async () => hostVxlans(overlays, signal),
    deleteLink: async (name) => {
      try {
        await overlays.run(hostNetns, ["ip", "link", "del", "dev", name], { signal });
        return "";
      } catch (error) {
        if (error instanceof ProgramError) return error.message;
        throw error;
      }
    },
    pause: async (ms) => sleep(ms),
  };
}
