import { containerTags } from "../collectors/container-tags.ts";
import type { Collector } from "../collectors/collector.ts";
import { containerFilter } from "../collectors/filter.ts";
import { sharedSweeps, trackNamespaces } from "../collectors/namespaces.ts";
import { applyProfile } from "../collectors/profile.ts";
import { collectors } from "../collectors/registry.ts";
import type { Sample, Tags } from "../emit/sample.ts";
import { liveClock } from "../host/clock.ts";
import type { Container } from "../host/docker/inventory.ts";
import type { DockerWatch } from "../host/docker/watch.ts";
import type { Host } from "../host/host.ts";
import { liveOverlays } from "../host/netns/live.ts";
import { procfs } from "../host/procfs.ts";
import { liveSockets } from "../host/sockets/live.ts";
import { type Runner, runner } from "./collect.ts";
import { worstGauges } from "./catalogue.ts";
import { milliseconds } from "./config/milliseconds.ts";
import { nearestOf } from "./config/nearest.ts";
import type { Config } from "./config/schema.ts";
import { openClient, openDocker } from "./docker.ts";
import { UsageError } from "./exit-codes.ts";
import type { Log } from "./log.ts";

export interface Job {
  readonly name: string;
  /** Milliseconds. */
  readonly interval: number;
  readonly run: Runner;
}

/** The machine, opened: what is watched on it and the collectors that were asked for. */
export interface Session {
  readonly host: Host;
  readonly docker: DockerWatch;
  readonly jobs: readonly Job[];
  readonly tagsOf: (container: Container) => Tags;
  /** Samples as the profile in the configuration wants them. */
  readonly profiled: (samples: readonly Sample[]) => readonly Sample[];
  /** Containers that came and went between two runs, so far. */
  readonly unseen: () => number;
  readonly close: () => Promise<void>;
}

interface SessionOptions {
  /** Collectors by name; all that are enabled where it is left out. */
  readonly names?: readonly string[] | undefined;
  /** What else could have been meant, where a name is none. */
  readonly others?: readonly string[];
  readonly raw?: boolean;
  readonly log: Log;
}

export function openSession(config: Config, { names, others = [], raw = false, log }: SessionOptions): Session {
  const chosen = choose(names, config, others);
  const clock = liveClock;
  const client = openClient(config);
  const docker = openDocker(config, log, client);
  const sockets = liveSockets({ log: (level, message) => log[level](message) });
  const { host_root: hostRoot, netns_dir: netnsDir } = config.paths;
  const proc = procfs(hostRoot);
  const overlays = liveOverlays({ netnsDir, hostRoot, client, proc, sockets });
  const host: Host = { proc, docker, sockets, overlays, clock };
  const namespaces = sharedSweeps(trackNamespaces(host, containerFilter(config.docker)), clock);
  const tagsOf = taggerOf(config);
  const jobs = chosen.map(({ collector, section, interval }) => {
    const deadline = Math.min(interval * 0.9, 10_000);
    return {
      name: collector.name,
      interval,
      run: runner(collector, section, { host, namespaces, tagsOf, deadline, raw }),
    };
  });
  let unseen = 0;
  docker.onDie((id) => void (unseen += namespaces.hasSeen(id) ? 0 : 1));
  const close = async () => {
    namespaces.close();
    await Promise.all([docker.close(), sockets.close()]);
  };
  const [labelKeys, byMax] = [Object.values(config.tags.labels), worstGauges()];
  return {
    host,
    docker,
    jobs,
    tagsOf,
    profiled: (samples) => applyProfile(config.tags.profile, labelKeys, samples, byMax),
    unseen: () => unseen,
    close,
  };
}

interface Chosen {
  readonly collector: Collector;
  readonly section: unknown;
  readonly interval: number;
}

function choose(names: readonly string[] | undefined, config: Config, others: readonly string[]): readonly Chosen[] {
  const known: readonly Collector[] = collectors;
  for (const name of names ?? []) {
    if (known.some((c) => c.name === name)) continue;
    throw new UsageError(
      `${name}: there is no such collector${nearestOf(name, [...known.map((one) => one.name), ...others])}`,
    );
  }
  return known.flatMap((collector) => {
    const { enabled = true, interval = "10s", ...section } = config.collectors[collector.name] ?? {};
    const wanted = names?.includes(collector.name) ?? enabled;
    return wanted ? [{ collector, section, interval: milliseconds(interval) }] : [];
  });
}

/** Tags are derived once for one inspect answer: the inventory keeps the object as long as nothing changed. */
function taggerOf({ tags }: Config): (container: Container) => Tags {
  const known = new WeakMap<Container, Tags>();
  return (container) => {
    const before = known.get(container);
    if (before !== undefined) return before;
    const made = containerTags(container, { containerId: tags.container_id, labels: tags.labels });
    known.set(container, made);
    return made;
  };
}
