import { applyProfile, type Profile } from "../collectors/profile.ts";
import { joinBySeries, type Sample, seriesKey, type Tags } from "../emit/sample.ts";
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

/** What else is known of the host and of the metrics. */
export interface Surroundings {
  readonly containers: readonly Container[];
  /** Hours that the container with these tags has run so far, where it is one's. */
  readonly hoursOf: (tags: Tags) => number | undefined;
  /** Names of the gauges that are not sent while they stand at 0. */
  readonly quietGauges: ReadonlySet<string>;
  /** Names of the counters that count bytes. */
  readonly byteCounters: ReadonlySet<string>;
}

export interface Estimate {
  /** The profile in force. */
  readonly profile: Profile;
  readonly hosts: number;
  /** What one host sends in an hour. */
  readonly per_host: SeriesCounts;
  /** Counters that have moved since their container started, but too seldom to move in every hour: each that does is one more. */
  readonly dormant_per_host: SeriesCounts;
  /** Of all hosts, under the profile in force. */
  readonly total: number;
  readonly dormant_total: number;
  readonly warnings: readonly string[];
}

/**
 * What a fleet of such hosts would pay for, from what was seen on this one; the budget cuts where there are more. A
 * counter is sent in every hour if it moved between the two readings, or has moved three times an hour on average since
 * its container started (an hour is taken where that is less: what happens once, at a start, is dormant). A gauge is
 * sent if it was in one of the readings; states that sockets are in for a moment are not seen.
 */
export function estimate(
  observed: readonly Observed[],
  surroundings: Surroundings,
  hosts: number,
  config: Config,
): Estimate {
  const labels = Object.values(config.tags.labels);
  const rooms = observed.map((one) => ({ room: one.collector, samples: movesAnHour(one, surroundings) }));
  const perProfile = (least: number) => {
    const of = (profile: Profile) =>
      countSeries(rooms, (samples) =>
        joinBySeries(applyProfile(profile, labels, samples, summed), summed).filter(({ value }) => value >= least),
      );
    return { container: of("container"), service: of("service"), lean: of("lean") } satisfies SeriesCounts;
  };
  const [perHost, moved] = [perProfile(everyHour), perProfile(ever)];
  const dormant = {
    container: less(moved.container, perHost.container),
    service: less(moved.service, perHost.service),
    lean: less(moved.lean, perHost.lean),
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
    warnings: warnings(observed, surroundings.containers, config, one),
  };
}

/** How often a series moves in an hour is the sum over those that it is made of, whatever becomes of their values. */
const summed: ReadonlySet<string> = new Set();
/** Of what comes three times an hour on average, evenly spread, 95 of 100 hours see one. */
const everyHour = 3;
/** A byte counter moves by a frame: the smallest that Ethernet carries. */
const smallestFrame = 60;
/** The least that is not 0: moved, and that is all. */
const ever = Number.MIN_VALUE;

/** Each series with how often it moves in an hour as its value: infinite where it is certain to be sent. */
function movesAnHour({ before, after }: Observed, known: Surroundings): readonly Sample[] {
  const last = new Map(before.map(({ name, tags, value }) => [seriesKey(name, tags), value]));
  const moves = ({ name, tags, value }: Sample): number => {
    if (value !== (last.get(seriesKey(name, tags)) ?? 0)) return Infinity;
    const events = known.byteCounters.has(name) ? value / smallestFrame : value;
    return rate(events, known.hoursOf(tags) ?? 0);
  };
  const loud = ({ name, value }: Sample): number => (value !== 0 || !known.quietGauges.has(name) ? Infinity : 0);
  return [
    ...before.filter(({ type }) => type === "gauge").map((sample) => ({ ...sample, value: loud(sample) })),
    ...after.map((sample) => ({ ...sample, value: sample.type === "gauge" ? loud(sample) : moves(sample) })),
  ];
}

/** Of one that is younger than an hour, nobody knows whether what happened once or twice comes again: it adds up to nothing. */
function rate(events: number, hours: number): number {
  if (hours >= 1) return events / hours;
  return events > 0 && events < everyHour ? ever : events;
}

interface Room {
  readonly room: string;
  readonly samples: readonly Sample[];
}

function countSeries(
  rooms: readonly Room[],
  pick: (samples: readonly Sample[]) => readonly Sample[],
): Record<string, number> {
  const counts = rooms.map(({ room, samples }) => [room, pick(samples).length] as const);
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  return { ...Object.fromEntries(counts), total };
}

const less = (all: Readonly<Record<string, number>>, now: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(all).map(([name, count]) => [name, count - (now[name] ?? 0)]));

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
