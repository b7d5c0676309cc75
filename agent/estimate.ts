import { applyProfile, type Profile, profiles } from "../collectors/profile.ts";
import { type Sample, seriesKey } from "../emit/sample.ts";
import type { Container } from "../host/docker/inventory.ts";
import type { Config } from "./config/schema.ts";

/** The kernel's cumulative values of one collector, or the gauges that it read. */
export interface Observed {
  readonly collector: string;
  readonly samples: readonly Sample[];
}

export interface Estimate {
  /** The profile in force. */
  readonly profile: Profile;
  readonly hosts: number;
  /** Distinct series of one host in an hour, by collector, under each profile; `total` is over all collectors. */
  readonly per_host: Readonly<Record<Profile, Readonly<Record<string, number>>>>;
  /** Of all hosts, under the profile in force. */
  readonly total: number;
  readonly warnings: readonly string[];
}

/**
 * What a fleet of such hosts would pay for: every counter that has moved since its container started, and every gauge
 * that is not at 0, is one series; the budget cuts where there are more.
 */
export function estimate(
  observed: readonly Observed[],
  containers: readonly Container[],
  hosts: number,
  config: Config,
  quiet: ReadonlySet<string>,
): Estimate {
  const labels = Object.values(config.tags.labels);
  const of = (profile: Profile) => countSeries(observed, profile, labels, quiet);
  const perHost = { container: of("container"), service: of("service"), lean: of("lean") } satisfies Record<
    (typeof profiles)[number],
    unknown
  >;
  const { profile } = config.tags;
  const one = perHost[profile]["total"] ?? 0;
  return {
    profile,
    hosts,
    per_host: perHost,
    total: one * hosts,
    warnings: warnings(observed, containers, config, one),
  };
}

function countSeries(
  observed: readonly Observed[],
  profile: Profile,
  labels: readonly string[],
  quiet: ReadonlySet<string>,
): Record<string, number> {
  const counts: Record<string, number> = {};
  let total = 0;
  for (const { collector, samples } of observed) {
    const sent = samples.filter(({ name, type, value }) => value !== 0 || (type === "gauge" && !quiet.has(name)));
    const series = new Set(applyProfile(profile, labels, sent).map(({ name, tags }) => seriesKey(name, tags)));
    counts[collector] = series.size;
    total += series.size;
  }
  return { ...counts, total };
}

function warnings(
  observed: readonly Observed[],
  containers: readonly Container[],
  config: Config,
  series: number,
): readonly string[] {
  const all = observed.flatMap(({ samples }) => samples);
  return [
    ...(config.tags.container_id
      ? ["tags.container_id is on: every re-creation of a container makes all of its series anew"]
      : []),
    ...taskIds(all),
    ...Object.entries(config.tags.labels).flatMap(([label, key]) => unboundedLabel(label, key, all, containers)),
    ...(series > config.sinks.dogstatsd.max_series
      ? [
          `over the budget of ${config.sinks.dogstatsd.max_series} series (sinks.dogstatsd.max_series): the rest would be summed per network`,
        ]
      : []),
  ];
}

/** A Swarm task's container is called `service.slot.<25 characters>`; without the task's label the name can not be cut. */
function taskIds(samples: readonly Sample[]): readonly string[] {
  const names = new Set(
    samples.map(({ tags }) => tags["container_name"] ?? "").filter((name) => /\.[a-z0-9]{25}$/u.test(name)),
  );
  const [first] = names;
  return first === undefined
    ? []
    : [
        `${names.size} container names end in a Swarm task id, such as ${first}: each deployment makes all of their series anew; use tags.profile: service`,
      ];
}

function unboundedLabel(
  label: string,
  key: string,
  samples: readonly Sample[],
  containers: readonly Container[],
): readonly string[] {
  const values = new Set(samples.map(({ tags }) => tags[key]).filter((v) => v !== undefined));
  const unique = containers.length > 5 && values.size === containers.length;
  return unique
    ? [`the label ${label} (tag ${key}) has another value on each of ${values.size} containers: it may be an id`]
    : [];
}
