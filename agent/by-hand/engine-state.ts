import type { DockerClient } from "../../host/docker/client.ts";
import { type Field, id, items, list, part, text, wholeNumber } from "../../host/docker/field.ts";
import { asked } from "./cluster.ts";

/** One thing of the engine's that goes, and the call that removes it. */
export interface EngineItem {
  readonly kind: "container" | "swarm" | "network" | "volume" | "build cache";
  readonly name: string;
  readonly bytes: number;
  readonly method: "DELETE" | "POST";
  readonly path: string;
}

/** What an engine holds beside images. */
export interface EngineState {
  readonly root: string;
  /** Names of containers that are not stopped. */
  readonly running: readonly string[];
  /** In the order in which they can go. */
  readonly items: readonly EngineItem[];
  readonly images: readonly string[];
  /** Left on purpose. */
  readonly left: readonly string[];
}

/** Sizes take the engine long where it has much. */
const slow = 300_000;

/** Rejects with a `DockerError`. */
export async function readEngineState(client: DockerClient, signal: AbortSignal): Promise<EngineState> {
  const info = await asked(client, "/info", (answer) => ({ at: "", value: answer }), signal);
  const containers = await asked(client, "/containers/json?all=true", fields, signal);
  const networks = await asked(client, "/networks", fields, signal);
  const volumes = await asked(
    client,
    "/volumes",
    (answer) => items(part({ at: "", value: answer }, "Volumes")),
    signal,
  );
  const used = await client.get("/system/df", { signal, timeoutMs: slow });
  const sizes = sizesIn({ at: "", value: used });
  const foreign = volumes.filter((one) => text(part(one, "Driver")) !== "local").map((one) => text(part(one, "Name")));
  return {
    root: text(part(info, "DockerRootDir")),
    running: containers.filter((one) => !stopped.has(text(part(one, "State")))).map(nameOf),
    items: [
      ...containers.map((one) => itemOf("container", nameOf(one), sizes, `/containers/${id(part(one, "Id"))}?v=true`)),
      ...swarmItem(text(part(info, "Swarm", "LocalNodeState"))),
      ...networks
        .filter(isOwn)
        .map((one) => itemOf("network", text(part(one, "Name")), sizes, `/networks/${id(part(one, "Id"))}`)),
      ...volumes
        .map((one) => text(part(one, "Name")))
        .filter((name) => !foreign.includes(name))
        .map((name) => itemOf("volume", name, sizes, `/volumes/${encodeURIComponent(name)}`)),
      ...cacheItem(sizes),
    ],
    images: await asked(
      client,
      "/images/json?all=true",
      (answer) => fields(answer).map((one) => text(part(one, "Id"))),
      signal,
    ),
    left: foreign.map((name) => `the volume ${name} is a plugin's: what it holds is not on this host alone`),
  };
}

const fields = (answer: unknown): readonly Field[] => list({ at: "", value: answer });

const stopped: ReadonlySet<string> = new Set(["created", "exited", "dead"]);

const nameOf = (container: Field): string =>
  text(items(part(container, "Names"))[0] ?? part(container, "Id")).replace(/^\//, "");

/** Of this host alone: a network of the cluster is everybody's, and the engine's own three can not go. */
const isOwn = (network: Field): boolean =>
  text(part(network, "Scope")) === "local" && !["bridge", "host", "none"].includes(text(part(network, "Name")));

/** By kind and name; what is not told is 0. */
function sizesIn(used: Field): ReadonlyMap<string, number> {
  const cache = items(part(used, "BuildCache")).filter((one) => part(one, "Shared").value !== true);
  return new Map([
    ...items(part(used, "Containers")).map(
      (one) => [`container ${nameOf(one)}`, wholeNumber(part(one, "SizeRw"))] as const,
    ),
    ...items(part(used, "Volumes")).map(
      (one) => [`volume ${text(part(one, "Name"))}`, Math.max(0, wholeNumber(part(one, "UsageData", "Size")))] as const,
    ),
    ["build cache all", cache.reduce((sum, one) => sum + wholeNumber(part(one, "Size")), 0)] as const,
    ["build caches", items(part(used, "BuildCache")).length] as const,
  ]);
}

function itemOf(kind: EngineItem["kind"], name: string, sizes: ReadonlyMap<string, number>, path: string): EngineItem {
  return { kind, name, bytes: sizes.get(`${kind} ${name}`) ?? 0, method: "DELETE", path };
}

/** The others of the swarm are told so that they do not wait for a node that never comes back. */
function swarmItem(state: string): readonly EngineItem[] {
  if (state === "" || state === "inactive") return [];
  return [{ kind: "swarm", name: "membership", bytes: 0, method: "POST", path: "/swarm/leave?force=true" }];
}

function cacheItem(sizes: ReadonlyMap<string, number>): readonly EngineItem[] {
  if ((sizes.get("build caches") ?? 0) === 0) return [];
  return [{ ...itemOf("build cache", "all", sizes, "/build/prune?all=true"), method: "POST" }];
}
