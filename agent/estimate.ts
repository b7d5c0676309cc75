import { applyProfile, type Profile } from "../collectors/profile.ts";
import { type Sample, seriesKey } from "../emit/sample.ts";
import type { Container } from "../host/docker/inventory.ts";
import type { Config } from "./config/schema.ts";

/** Two readings of one collector, some time apart: the kernel's cumulative values, and gauges. */
export interface Observed {
  readonly collector: string;
  readonly before: readonly Sample[];
  readonly after: readonly Sample[];
}

/** Distinct series by collector under each profile; `total` is over all collectors. */
type SeriesCounts = Readonly<Record<Profile, Readonly<Record<string, number>>>>;

export interface Estimate {
  /** The profile in force. */
  readonly profile: Profile;
  readonly hosts: number;
  /** What one host sends in an hour that goes on as it was seen: counters that moved, and gauges not at 0. */
  readonly per_host: SeriesCounts;
  /** Counters that have moved since their container started, but not while they were watched: each that moves again is one more. */
  readonly dormant_per_host: SeriesCounts;
  /** Of all hosts, under the profile in force. */
  readonly total: number;
  readonly dormant_total: number;
  readonly warnings: readonly string[];
}

/**
 * What a fleet of such hosts would pay for, from what was seen on this one; the budget cuts where there are more. Moments
 * that nobody watched are in no reading: a counter that moves only now and then, a state that a socket is in for a moment.
 */
export function estimate(
  observed: readonly Observed[],
  containers: readonly Container[],
  hosts: number,
  config: Config,
  quiet: ReadonlySet<string>,
): Estimate {
  const labels = Object.values(config.tags.labels);
  const perProfile = (pick: Pick) => {
    const of = (profile: Profile) => countSeries(observed, pick, (samples) => applyProfile(profile, labels, samples));
    return { container: of("container"), service: of("service"), lean: of("lean") } satisfies SeriesCounts;
  };
  const perHost = perProfile((one) => sentOf(one, quiet));
  const ever = perProfile((one) => [...one.after.filter(({ value }) => value !== 0), ...sentOf(one, quiet)]);
  const dormant = {
    container: less(ever.container, perHost.container),
    service: less(ever.service, perHost.service),
    lean: less(ever.lean, perHost.lean),
  };
  const { profile } = config.tags;
  const one = perHost[profile]["total"] ?? 0;
  return {
    profile,
    hosts,
    per_host: perHost,
    dormant_per_host: dormant,
    total: one * hosts,
    dormant_total: (dormant[profile]["total"] ?? 0) * hosts,
    warnings: warnings(observed, containers, config, one),
  };
}

type Pick = (observed: Observed) => readonly Sample[];

/** As the gate lets them through: counters that moved between the readings, gauges that were loud in one of them. */
function sentOf({ before, after }: Observed, quiet: ReadonlySet<string>): readonly Sample[] {
  const known = new Map(before.map(({ name, tags, value }) => [seriesKey(name, tags), value]));
  const moved = after.filter(
    ({ name, type, tags, value }) => type === "count" && value !== (known.get(seriesKey(name, tags)) ?? 0),
  );
  const loud = [...before, ...after].filter(
    ({ name, type, value }) => type === "gauge" && (value !== 0 || !quiet.has(name)),
  );
  return [...moved, ...loud];
}

function countSeries(
  observed: readonly Observed[],
  pick: Pick,
  profiled: (samples: readonly Sample[]) => readonly Sample[],
): Record<string, number> {
  const counts: Record<string, number> = {};
  let total = 0;
  for (const one of observed) {
    const series = new Set(profiled(pick(one)).map(({ name, tags }) => seriesKey(name, tags)));
    counts[one.collector] = series.size;
    total += series.size;
  }
  return { ...counts, total };
}

const less = (ever: Readonly<Record<string, number>>, now: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(ever).map(([name, count]) => [name, count - (now[name] ?? 0)]));

function warnings(
  observed: readonly Observed[],
  containers: readonly Container[],
  config: Config,
  series: number,
): readonly string[] {
  const all = observed.flatMap(({ after }) => after);
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
