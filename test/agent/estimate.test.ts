import assert from "node:assert/strict";
import { configSchema } from "../../agent/config/schema.ts";
import { estimate, type Observed, type Surroundings } from "../../agent/estimate.ts";
import type { Sample, Tags } from "../../emit/sample.ts";
import { containerOf } from "../collectors/container.ts";

const config = (tags: object = {}, maxSeries = 10_000) =>
  configSchema.parse({ tags, sinks: { dogstatsd: { max_series: maxSeries } } });
const known: Surroundings = {
  containers: [],
  hoursOf: ({ container_name: name }) => (name?.startsWith("old") === true ? 100 : 0.1),
  quietGauges: new Set(["tcp.connections"]),
  byteCounters: new Set(["net.bytes_rcvd"]),
};
const count = (name: string, value: number, tags: Tags = {}): Sample => ({ name, type: "count", value, tags });
const gauge = (name: string, value: number, tags: Tags = {}): Sample => ({ name, type: "gauge", value, tags });
const one = (before: readonly Sample[], after: readonly Sample[]): readonly Observed[] => [
  { collector: "it", before, after },
];
const of = (before: readonly Sample[], after: readonly Sample[]) => {
  const { per_host: sent, dormant_per_host: dormant } = estimate(one(before, after), known, 1, config());
  return [sent.container["it"], dormant.container["it"]];
};
const [web, old] = [{ container_name: "web" }, { container_name: "old" }];

describe("agent/estimate", () => {
  it("counts counters that move between the readings, however seldom they did before", () => {
    assert.deepEqual(of([count("a", 1, old)], [count("a", 2, old)]), [1, 0]);
    // New since the first reading, or reset.
    assert.deepEqual(of([], [count("a", 1, old)]), [1, 0]);
    assert.deepEqual(of([count("a", 2, old)], [count("a", 1, old)]), [1, 0]);
  });

  it("counts counters that moved three times an hour since the start, an hour at least; rarer ones are dormant", () => {
    for (const [name, value, tags, expected] of [
      ["a", 0, web, [0, 0]],
      ["a", 2, web, [0, 1]],
      ["a", 3, web, [1, 0]],
      ["a", 299, old, [0, 1]],
      ["a", 300, old, [1, 0]],
      ["net.bytes_rcvd", 179, web, [0, 1]],
      ["net.bytes_rcvd", 180, web, [1, 0]],
    ] as const)
      assert.deepEqual(of([count(name, value, tags)], [count(name, value, tags)]), expected, `${name} ${value}`);
  });

  it("counts gauges that are in one of the readings; those that are quiet at 0 not while they are", () => {
    assert.deepEqual(of([gauge("agent.series", 0)], [gauge("agent.series", 0)]), [1, 0]);
    const [none, some] = [gauge("tcp.connections", 0), gauge("tcp.connections", 2)];
    assert.deepEqual(of([none], [none]), [0, 0]);
    assert.deepEqual(of([none], [some]), [1, 0]);
    assert.deepEqual(of([some], [none]), [1, 0]);
  });

  it("sums under each profile before it judges, but nothing that a young container did once", () => {
    const service = { compose_service: "shop" };
    const rare = ["old1", "old2", "old3"].map((name) => count("x", 100, { container_name: name, ...service }));
    const young = ["a", "b", "c"].map((name) => count("x", 1, { container_name: name, ...service }));
    const { per_host: once } = estimate(one(young, young), known, 1, config());
    assert.deepEqual([once.container["it"], once.service["it"], once.lean["it"]], [0, 0, 0]);
    const {
      per_host: sent,
      dormant_per_host: dormant,
      total,
    } = estimate(one(rare, rare), known, 1, config({ profile: "service" }));
    assert.deepEqual([sent.container["it"], sent.service["it"], sent.lean["it"]], [0, 1, 1]);
    assert.deepEqual([dormant.container["it"], dormant.service["it"], dormant.lean["it"]], [3, 0, 0]);
    assert.equal(total, 1);
  });

  it("adds up collectors and hosts, under the profile in force", () => {
    const observed = ["x", "y"].map((name) => ({
      collector: name,
      before: [count(name, 1, web)],
      after: [count(name, 2, web), count(`${name}2`, 1, old), gauge("tcp.connections", 1, web)],
    }));
    const made = estimate(observed, known, 200, config());
    assert.deepEqual(made.per_host.container, { x: 3, y: 3, total: 6 });
    assert.equal(made.total, 1200);
    assert.deepEqual(made.warnings, []);
  });

  it("warns of what makes ever new series, and of the budget", () => {
    const task = { container_name: "shop.1.abcdefghijklmnopqrstuvwxy" };
    const ids = Array.from({ length: 6 }, (_, i) => count("a", 9, { container_name: `c${i}`, team: `t${i}` }));
    const containers = ids.map((_, i) => containerOf({ name: `c${i}` }));
    const { warnings } = estimate(
      one([], [...ids, count("a", 1, task)].slice(0, 7)),
      { ...known, containers: [...containers, containerOf()].slice(0, 6) },
      1,
      config({ container_id: true, labels: { "com.x": "team" } }, 3),
    );
    assert.equal(warnings.length, 4);
    for (const [i, what] of [/container_id/, /Swarm task id.*shop\.1/, /com\.x.*may be an id/, /budget of 3/].entries())
      assert.match(warnings[i] ?? "", what);
  });
});
