import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { deadline } from "../../host/deadline.ts";
import { dockerClient } from "../../host/docker/client.ts";
import { engineInfo } from "../../host/docker/info.ts";
import { socketPathOf } from "../../host/docker/socket.ts";
import { NotAvailable } from "../../host/host.ts";
import { printable } from "../../host/iproute2/error.ts";
import { type Lock, Locked } from "../../host/lock.ts";
import { listNamespaces } from "../../host/netns/list.ts";
import { liveEntry, liveOverlays } from "../../host/netns/live.ts";
import { ownUser } from "../../host/own-user.ts";
import { procfs } from "../../host/procfs.ts";
import { finish } from "../../host/undo-folder.ts";
import { type Hands, liveHands, type Place } from "../../overlay/remedy/hands.ts";
import { hostCommand } from "../../overlay/remedy/host-wide.ts";
import { set } from "../../overlay/remedy/host-wide-act.ts";
import { decodeHostWideNote, type HostWideNote, undoHostWide } from "../../overlay/remedy/host-wide-note.ts";
import type { LimitsEvent } from "../../overlay/remedy/limits.ts";
import { takeBack, type TakenBack } from "../../overlay/remedy/take-back.ts";
import { decodeUndoFile, type UndoFile } from "../../overlay/remedy/undo-file.ts";
import type { Config } from "../config/schema.ts";
import { errorText } from "../error-text.ts";
import { shellLine } from "../../host/shell-line.ts";
import { hostHands, unlessAbsent } from "./host-wide.ts";
import { type RemedyOutcome, typed } from "./outcome.ts";
import { remedyState } from "./state.ts";

interface UndoRequest {
  readonly file: string;
  readonly cwd: string;
  readonly restoreFault: boolean;
  readonly holder: string;
}

export interface UndoJson {
  readonly outcome: RemedyOutcome;
  readonly actions: readonly { readonly command: readonly string[]; readonly container: string }[];
  readonly kept: TakenBack["kept"];
  readonly notes: readonly string[];
}

/** Once begun it is brought to its end, whatever signal comes. */
export async function undo(config: Config, request: UndoRequest): Promise<UndoJson> {
  const nothing = { actions: [], kept: [] };
  if (ownUser() !== 0)
    return { ...nothing, outcome: "refused", notes: ["only root may write rows of a network namespace"] };
  let lock: Lock | undefined;
  try {
    lock = await remedyState(config).lock(request.holder, 5000);
    return await undoFile(config, request);
  } catch (error) {
    if (error instanceof Locked) return { ...nothing, outcome: "locked", notes: [error.message] };
    return { ...nothing, outcome: error instanceof Refused ? "refused" : "failed", notes: [errorText(error)] };
  } finally {
    lock?.release();
  }
}

/** Nothing was done. */
class Refused extends Error {}

async function undoFile(config: Config, { file, cwd, restoreFault }: UndoRequest): Promise<UndoJson> {
  const path = resolve(cwd, file);
  const text = await textOf(path);
  const hostWide = await read(path, () => decodeHostWideNote(text));
  if (hostWide !== undefined) return putBackHostWide(config, path, hostWide, restoreFault);
  const note = await read(path, () => decodeUndoFile(text));
  const places = placesOf(note, config);
  const options = { restoreFault, engine: await engineOf(config) };
  const back = await takeBack(note, options, handsOn(places));
  if (back.done) {
    await finish(path);
    await remedyState(config).add(...unpinned(note, back));
  }
  const actions = back.actions.map(({ netns, command, container }) => {
    return { command: typed(places.get(netns)?.path ?? netns, command), container };
  });
  return { outcome: outcomeOf(back, places), actions, kept: back.kept, notes: back.complaints };
}

/** What is taken back is not to come again by itself. */
function unpinned({ namespaces }: UndoFile, { kept }: TakenBack): readonly LimitsEvent[] {
  const stays = new Set(kept.map(({ container }) => container));
  return namespaces.flatMap(({ network: networkId, entries }) =>
    entries
      .filter(({ change, container }) => change.kind === "pin" && !stays.has(container))
      .map(({ mac }): LimitsEvent => ({ kind: "unpinned", networkId, mac })),
  );
}

/** A namespace that is gone took its rows with it: nothing of it is kept. */
function outcomeOf({ done, kept }: TakenBack, places: ReadonlyMap<string, Place>): RemedyOutcome {
  if (!done) return "failed";
  return places.size > 0 && kept.some(({ container }) => container !== "") ? "ambiguous" : "nothing";
}

async function read<T>(path: string, decode: () => T): Promise<T> {
  try {
    return decode();
  } catch (cause) {
    throw new Refused(`${path} is no undo file that can be used`, { cause });
  }
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT")
      throw new Refused(
        `there is no file ${path}: cleanup names its own when it ends, and keeps it in the folder undo of --state-dir`,
      );
    throw new Refused(`${path} is no undo file that can be used`, { cause });
  }
}

/** A limit that stays up on purpose is no failure, and neither is a device that is not made again. */
async function putBackHostWide(
  { docker, paths }: Config,
  path: string,
  note: HostWideNote,
  restoreFault: boolean,
): Promise<UndoJson> {
  const client = dockerClient({ socketPath: socketPathOf(docker.socket) });
  const { host_root: hostRoot, netns_dir: netnsDir } = paths;
  const overlays = liveOverlays({ netnsDir, hostRoot, client, proc: procfs(hostRoot) });
  const hands = hostHands(overlays, hostRoot);
  const now = { limits: unlessAbsent(hands.limits), used: overlays.sharedTables().neighbours?.used };
  const { lowered, kept } = undoHostWide(note, now, restoreFault);
  const notes = set(
    lowered.map(({ name, from }) => [name, from]),
    hands,
  );
  if (notes.length === 0) await finish(path);
  return {
    outcome: notes.length > 0 ? "failed" : kept.length > 0 ? "ambiguous" : "nothing",
    actions: lowered.map((one) => ({ command: hostCommand({ ...one, to: one.from }), container: "" })),
    kept: kept.map((sentence) => ({ container: "", sentence })),
    notes,
  };
}

/** Those that are still the ones that the cleanup wrote in. */
function placesOf({ namespaces }: UndoFile, { paths }: Config): ReadonlyMap<string, Place> {
  const wanted = new Map(namespaces.map(({ file, key }) => [file, key]));
  const found = namespacesIn(paths.netns_dir, (name) => wanted.has(name));
  return new Map(found.filter(({ name, key }) => wanted.get(name) === key).map((one) => [one.name, one]));
}

function namespacesIn(dir: string, isWanted: (name: string) => boolean) {
  try {
    return listNamespaces(dir, isWanted);
  } catch (error) {
    if (error instanceof NotAvailable) return [];
    throw error;
  }
}

const never = async (): Promise<never> => Promise.reject(new Error("an undo neither probes nor notes"));

function handsOn(places: ReadonlyMap<string, Place>): Hands {
  const { signal } = new AbortController();
  return liveHands({ places, entry: liveEntry, signal, probe: never, keep: never });
}

/** Undefined where Docker does not answer soon: then self rows stay, and pins above them. */
async function engineOf({ docker }: Config): Promise<string | undefined> {
  const late = deadline(new AbortController().signal, 2000);
  try {
    const { version } = await engineInfo(dockerClient({ socketPath: socketPathOf(docker.socket) }), late.signal);
    return version === "" ? undefined : version;
  } catch {
    return undefined;
  } finally {
    late.clear();
  }
}

const headlines: Readonly<Partial<Record<RemedyOutcome, string>>> = {
  nothing: "Undone: nothing of that cleanup is left.",
  ambiguous: "Undone as far as it does no harm; the rest is kept.",
  failed: "It could not be undone.",
  refused: "Refused: nothing was changed.",
  locked: "Another run is at work: nothing was changed.",
};

export function undoText({ outcome, actions, kept, notes }: UndoJson): string {
  const lines = [headlines[outcome] ?? outcome];
  for (const { command } of actions) lines.push(shellLine(command));
  for (const { container, sentence } of kept)
    lines.push(`# kept${container === "" ? "" : `, ${printable(container)}`}: ${printable(sentence)}`);
  for (const note of notes) lines.push(`# ${printable(note)}`);
  return `${lines.join("\n")}\n`;
}
