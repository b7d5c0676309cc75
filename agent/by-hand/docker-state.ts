import { join } from "node:path";
import { examineDataRoot, heldBy, mountedBelow, NoDataRoot, type DataRoot } from "../../host/data-root/examine.ts";
import { remove, sizeOf } from "../../host/data-root/remove.ts";
import type { DockerClient } from "../../host/docker/client.ts";
import { DockerError } from "../../host/docker/error.ts";
import { printable } from "../../host/iproute2/error.ts";
import type { Io } from "../command.ts";
import type { Config } from "../config/schema.ts";
import { openClient } from "../docker.ts";
import { errorText } from "../error-text.ts";
import { hostKey } from "../host-key.ts";
import { confirm, requireTerminal } from "./confirm.ts";
import { type EngineState, readEngineState } from "./engine-state.ts";
import { Refused } from "./outcome.ts";
import { itemLine, noState, type StateJson } from "./state-told.ts";
import { plannedItems, removeAll, type Removal } from "./state-work.ts";

export interface StateRequest {
  readonly apply: boolean;
  /** The host's name, by who is not asked to type it. */
  readonly yes: string | undefined;
  readonly dataRoot: string | undefined;
}

/** By the engine while it answers, on the disk once it is stopped. Throws what ends a run before anything is done. */
export async function dockerState(config: Config, request: StateRequest, io: Io): Promise<StateJson> {
  if (config.paths.host_root !== "/")
    throw new Refused("host", "it works on the host itself only, not from a container (--host-root)");
  if (request.apply) mayGoOn(request, io);
  const client = openClient(config);
  const engine = await engineOf(client, io.signal);
  return engine === undefined ? onDisk(config, request, io) : byEngine(engine, { client, config, request, io });
}

/** Told before the long look at sizes. */
function mayGoOn({ yes }: StateRequest, io: Io): void {
  const name = hostKey();
  if (yes === undefined) return requireTerminal(io, `with --yes ${name} nobody is asked`);
  if (yes !== name) throw new Refused("confirmation", `--yes ${printable(yes)}: this host is called ${name}`);
}

/** Undefined where nobody listens. One that hangs, or may not be asked, is none of these: then a `DockerError` comes. */
async function engineOf(client: DockerClient, signal: AbortSignal): Promise<EngineState | undefined> {
  try {
    return await readEngineState(client, signal);
  } catch (error) {
    if (error instanceof DockerError && (error.kind === "absent" || error.kind === "refused")) return undefined;
    throw error;
  }
}

interface Work {
  readonly client: DockerClient;
  readonly config: Config;
  readonly request: StateRequest;
  readonly io: Io;
}

async function byEngine(engine: EngineState, { client, config, request, io }: Work): Promise<StateJson> {
  const { running, items, images } = engine;
  if (running.length > 0)
    throw new Refused("running", `containers of this host are not stopped: ${running.map(printable).join(", ")}`);
  const { path } = dataRootOf(engine.root);
  if (request.dataRoot !== undefined && request.dataRoot !== path)
    throw new Refused(
      "data-root",
      `the engine that answers has its data in ${path}, not in ${printable(request.dataRoot)}`,
    );
  const next = `now stop the engine, and run this again with --data-root ${path}: networks' and swarm's files and the like go only then`;
  const removals = items.map((item): Removal => ({ item, remove: async () => called(client, item) }));
  const told = { ...noState, data_root: path, notes: [...engine.left, next] };
  if (!request.apply) return { ...told, outcome: "planned", items: plannedItems(removals) };
  if (removals.length === 0) return { ...told, outcome: "ambiguous" };
  await askedFor(removals, request, io);
  const removed = await removeAll(path, removals, config, io);
  const left = await leftIn(client);
  if (left === undefined) return { ...told, ...removed, outcome: "unverified" };
  const isSame = images.toSorted().join(" ") === left.images.toSorted().join(" ");
  const isDone = isSame && left.items.length === 0 && removed.items.every(({ result }) => result === "removed");
  const counts = { before: images.length, after: left.images.length };
  return { ...told, ...removed, outcome: isDone ? "ambiguous" : "unverified", images: counts };
}

/** Undefined where the engine does not answer any more: what was done is told all the same. */
async function leftIn(client: DockerClient): Promise<EngineState | undefined> {
  try {
    return await readEngineState(client, new AbortController().signal);
  } catch {
    return undefined;
  }
}

/** Without force: a container that was started meanwhile stays. */
async function called(
  client: DockerClient,
  { method, path }: EngineState["items"][number],
): Promise<string | undefined> {
  try {
    await client.request(method, path, undefined, { timeoutMs: 300_000 });
    return undefined;
  } catch (error) {
    return error instanceof DockerError && error.status === 404 ? undefined : errorText(error);
  }
}

async function onDisk(config: Config, request: StateRequest, io: Io): Promise<StateJson> {
  if (request.dataRoot === undefined)
    throw new Refused(
      "data-root",
      "no engine answers, so say where its data is: --data-root DIR (often /var/lib/docker)",
    );
  const root = await restingRoot(request.dataRoot);
  const removals: Removal[] = [];
  for (const name of root.state) {
    const path = join(root.path, name);
    removals.push({ item: { kind: "path", name: path, bytes: await sizeOf(path) }, remove: async () => remove(path) });
  }
  const notes = [
    ...root.unknown.map((name) => `${join(root.path, name)} is nothing that is known: it is left alone`),
    ...root.links.map((name) => `${join(root.path, name)} is a link: only that goes, and nothing of what it leads to`),
  ];
  const told = { ...noState, data_root: root.path, items: plannedItems(removals), notes };
  if (removals.length === 0) return { ...told, outcome: "nothing" };
  if (!request.apply) return { ...told, outcome: "planned" };
  await askedFor(removals, request, io);
  // A person may take long to answer.
  await restingRoot(root.path);
  const removed = await removeAll(root.path, removals, config, io);
  const after = examineDataRoot(root.path);
  const isDone = after.state.length === 0 && after.images === root.images;
  return {
    ...told,
    ...removed,
    outcome: isDone ? "done" : "unverified",
    images: { before: root.images, after: after.images },
  };
}

/** A data root that nobody is at work on. Throws `Refused`. */
async function restingRoot(given: string): Promise<DataRoot> {
  const root = dataRootOf(given);
  const held = await heldBy(root.path);
  if (held !== undefined)
    throw new Refused("engine", `an engine is at work on ${root.path}: it holds ${held}; stop it first`);
  const mounts = mountedBelow(root.path);
  if (mounts.length > 0)
    throw new Refused(
      "mounts",
      `${mounts.length} mount points are below ${root.path}, such as ${mounts[0]}: containers still run, or somebody's disk is there`,
    );
  if (root.containers > 0)
    throw new Refused(
      "containers",
      `${root.containers} containers are in ${root.path}, and their layers lie among the images': start the engine and run this once, it removes them`,
    );
  return root;
}

function dataRootOf(given: string): DataRoot {
  try {
    return examineDataRoot(given);
  } catch (error) {
    if (error instanceof NoDataRoot) throw new Refused("data-root", error.message, error);
    throw error;
  }
}

async function askedFor(removals: readonly Removal[], { yes }: StateRequest, io: Io): Promise<void> {
  if (yes !== undefined) return;
  const name = hostKey();
  const lines = [
    ...plannedItems(removals).map(itemLine),
    `All this of ${name} goes for good, volumes too. Images stay.`,
  ];
  await confirm(name, lines.map(printable).join("\n"), io);
}
