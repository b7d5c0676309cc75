import { liveClock } from "../../host/clock.ts";
import { type DockerClient, dockerClient } from "../../host/docker/client.ts";
import type { EngineInfo } from "../../host/docker/info.ts";
import type { Inventory } from "../../host/docker/inventory.ts";
import { socketPathOf } from "../../host/docker/socket.ts";
import { engineStartedAt } from "../../host/docker/started.ts";
import { type DockerWatch, watchDocker } from "../../host/docker/watch.ts";
import type { OverlayView, Procfs } from "../../host/host.ts";
import { liveOverlays } from "../../host/netns/live.ts";
import { procfs } from "../../host/procfs.ts";
import type { Endpoint } from "../../overlay/endpoints.ts";
import type { Examination } from "../../overlay/examine/examination.ts";
import { examine } from "../../overlay/examine/examine.ts";
import { truthMemory } from "../../overlay/examine/truths.ts";
import { milliseconds } from "../config/milliseconds.ts";
import type { Config } from "../config/schema.ts";
import { openClient } from "../docker.ts";
import type { Session } from "../session.ts";
import type { RemedySettings } from "./settings.ts";

/** A host under treatment: Docker is followed until it is closed, so that what changes meanwhile is seen. */
export interface Ward {
  readonly overlays: OverlayView;
  /** As Docker has it now. */
  readonly inventory: () => Inventory;
  readonly engine: EngineInfo | undefined;
  readonly engineStartedAt: number | undefined;
  /** `wait`: for what other hosts' containers are told to be, where that matters; else it is believed at a second look. */
  readonly examine: (signal: AbortSignal, wait: boolean) => Promise<Examination>;
  /** Asks for the list of running containers anew: their ids. Rejects with a `DockerError`. */
  readonly running: (signal: AbortSignal) => Promise<ReadonlySet<string>>;
  /** The network namespace of an endpoint's container. */
  readonly namespaceOf: (endpoint: Endpoint) => string | undefined;
  readonly close: () => Promise<void>;
}

/** Rejects with a `DockerError` where Docker does not answer. */
export async function openWard(
  { docker, paths }: RemedySettings,
  signal: AbortSignal,
  say: (sentence: string) => void = () => undefined,
): Promise<Ward> {
  const client = dockerClient({ socketPath: socketPathOf(docker.socket), timeoutMs: milliseconds(docker.timeout) });
  const proc = procfs(paths.host_root);
  const watch = watchDocker({ client, clock: liveClock, concurrency: 8, log: () => undefined });
  const sandboxOf = (pid: number) => watch.inventory().containers.find((one) => one.pid === pid)?.sandbox;
  const { netns_dir: netnsDir, host_root: hostRoot } = paths;
  const overlays = liveOverlays({ netnsDir, hostRoot, client, proc, sandboxOf });
  return wardOf({ paths, client, proc, overlays, watch, say, close: watch.close }, signal);
}

interface Parts {
  readonly paths: Config["paths"];
  readonly client: DockerClient;
  readonly proc: Procfs;
  readonly overlays: OverlayView;
  readonly watch: DockerWatch;
  readonly say: (sentence: string) => void;
  readonly close: () => Promise<void>;
}

const nothingToClose = async (): Promise<void> => undefined;

/** By what an agent watches already; that stays open. */
export async function wardOn(config: Config, { host, docker }: Session, signal: AbortSignal): Promise<Ward> {
  const { paths } = config;
  return wardOf(
    {
      paths,
      client: openClient(config),
      proc: host.proc,
      overlays: host.overlays,
      watch: docker,
      say: () => undefined,
      close: nothingToClose,
    },
    signal,
  );
}

async function wardOf({ paths, client, proc, overlays, watch, say, close }: Parts, signal: AbortSignal): Promise<Ward> {
  const memory = truthMemory();
  try {
    const [engine] = await Promise.all([overlays.engine(signal).catch(() => undefined), watch.synced(signal)]);
    const pidOf = (id: string | undefined): number | undefined =>
      watch.inventory().containers.find((one) => one.id === id)?.pid;
    return {
      overlays,
      inventory: watch.inventory,
      engine,
      engineStartedAt: engineStartedAt(paths.host_root),
      examine: async (ending, wait) => {
        const options = { unreadContainers: watch.stats().failing, truth: { memory, wait, say } };
        return examine({ proc, overlays, docker: watch }, engine, options, ending);
      },
      running: async (ending) => idsIn(await client.get("/containers/json", { signal: ending })),
      namespaceOf: ({ owner }) => {
        const pid = pidOf(owner.id);
        return pid === undefined || pid === 0 ? undefined : overlays.namespaceOf?.(pid);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function idsIn(answer: unknown): ReadonlySet<string> {
  const items: readonly unknown[] = Array.isArray(answer) ? answer : [];
  return new Set(items.flatMap((item) => (hasId(item) ? [item.Id] : [])));
}

const hasId = (item: unknown): item is { readonly Id: string } =>
  typeof item === "object" && item !== null && "Id" in item && typeof item.Id === "string";
