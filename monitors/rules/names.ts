import { ownerTags } from "../desired.ts";
import { metricsIn } from "../query.ts";
import { type Complaint, type Rule, type Surroundings, when } from "./rule.ts";

/** A metric under this program's prefix is one that it sends. */
export const metrics: Rule = {
  tag: "metrics",
  monitor: (_body, query, around) => metricComplaints("query", query.metrics, around),
  dashboard: (body, around) => metricComplaints("widgets", queriesIn(body).flatMap(metricsIn), around),
};

const metricComplaints = (field: string, names: readonly string[], around: Surroundings): readonly Complaint[] =>
  [...new Set(names)]
    .filter((name) => name.startsWith(around.prefix) && !around.metrics.has(name))
    .map((name) => ({
      field,
      message: `${name}: there is no such metric${around.nearest(name, [...around.metrics])}`,
    }));

/** Every text under a key `query`, at any depth. */
function queriesIn(value: unknown, key = ""): readonly string[] {
  if (typeof value === "string") return key === "query" ? [value] : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, below]) => queriesIn(below, name));
}

/** A letter, then what Datadog leaves as it is: others would come back as `_`, or in lower case. */
const plainTag = /^[a-z][a-z\d_\-:./]{0,199}$/u;

/** Tags are as Datadog keeps them, and say whose the monitor is. */
export const tags: Rule = {
  tag: "tags",
  monitor: ({ tags: all }) => [
    ...all
      .filter((tag) => !plainTag.test(tag) || tag.endsWith(":"))
      .map((tag) => ({
        field: "tags",
        message: `${tag}: expected a letter, then a-z 0-9 _ - : . / and no colon at the end`,
      })),
    ...when(new Set(all).size < all.length, "tags", "one is there twice"),
    ...when(!ownerTags("").every((head) => all.some((tag) => tag.startsWith(head))), "tags", "the owner's are missing"),
  ],
};

/** What the API would cut or a webhook's payload carry: it stands in the alert's title. */
export const plainNames: Rule = {
  tag: "name",
  monitor: ({ name, message }) => [
    ...when(
      name !== name.trim(),
      "name",
      "it begins or ends with a space, which the API cuts: it would differ for ever",
    ),
    ...when(
      message !== message.trim(),
      "message",
      "it begins or ends with a space, which the API cuts: it would differ for ever",
    ),
    // oxlint-disable-next-line no-control-regex
    ...when(/["\\\u0000-\u001f]/u.test(name), "name", "expected no quote, backslash or line end: webhooks carry it"),
  ],
};
