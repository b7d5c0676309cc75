import { joinBySeries, type Sample, type Tags } from "../emit/sample.ts";
import { containerTagKeys } from "./container-tags.ts";

/** How fine the series are, from what is asked for by default to the cheapest. */
export const profiles = ["container", "service", "lean"] as const;
export type Profile = (typeof profiles)[number];

/** What tells one container of a service from another. */
const ofContainer: ReadonlySet<string> = new Set(["container_name", "container_id", "netns_shared", "interface"]);

/**
 * Joins the samples of one cycle over the tags that the profile leaves out: the sum, of metrics in `byMax` the greatest. A
 * container without a service keeps its name; `labels` are the tag keys that the user made of container labels.
 */
export function applyProfile(
  profile: Profile,
  labels: readonly string[],
  samples: readonly Sample[],
  byMax: ReadonlySet<string>,
): readonly Sample[] {
  if (profile === "container") return samples;
  const reduce = profile === "lean" ? leanTags(labels) : serviceTags;
  const reduced = samples.map((sample) => ({ ...sample, tags: reduce(sample.tags) }));
  return joinBySeries(reduced, byMax);
}

/** Leaves what belongs to the host, the network and the metric itself. */
export function leanTags(labels: readonly string[]): (tags: Tags) => Tags {
  const keys = new Set([...ofContainer, ...containerTagKeys, ...labels]);
  return (tags) => without(tags, keys);
}

function serviceTags(tags: Tags): Tags {
  const service = tags["swarm_service"] ?? tags["compose_service"];
  return service === undefined ? tags : without(tags, ofContainer);
}

function without(tags: Tags, keys: ReadonlySet<string>): Tags {
  return Object.fromEntries(Object.entries(tags).filter(([key]) => !keys.has(key)));
}
