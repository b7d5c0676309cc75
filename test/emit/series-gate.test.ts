import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { Sample, Tags } from "../../emit/sample.ts";
import { SeriesGate } from "../../emit/series-gate.ts";

const minute = 60_000;
const fold = ({ docker_network = "" }: Tags): Tags => ({ docker_network });
const gateOf = (maxSeries = 100) =>
  new SeriesGate({
    maxSeries,
    idle: 5 * minute,
    fold,
    quietGauges: new Set(["tcp.connections"]),
    byMax: new Set(["probe.loss"]),
  });
const count = (value: number, container = "a", network = "n"): Sample => ({
  name: "net.bytes_rcvd",
  type: "count",
  value,
  tags: { container_name: container, docker_network: network },
});
const gauge = (value: number, container = "a"): Sample => ({
  ...count(value, container),
  name: "tcp.connections",
  type: "gauge",
});

const over = (name: string, type: Sample["type"], value: number, network: string): Sample => ({
  name,
  type,
  value,
  tags: { docker_network: network, over_budget: "true" },
});

describe("emit/series-gate", () => {
  it("does not send a counter that never moved", () => {
    const gate = gateOf();
    assert.deepEqual(gate.pass([count(0)], 0), { samples: [], folded: 0 });
    assert.equal(gate.size, 0);
  });

  it("sends one that stopped as 0 for the idle time, and again once it moves", () => {
    const gate = gateOf();
    assert.equal(gate.pass([count(5)], 0).samples.length, 1);
    assert.deepEqual(gate.pass([count(0)], minute).samples, [count(0)]);
    assert.deepEqual(gate.pass([count(0)], 5 * minute).samples, [count(0)]);
    assert.deepEqual(gate.pass([count(0)], 5 * minute + 1).samples, []);
    assert.deepEqual(gate.pass([count(1)], 8 * minute).samples, [count(1)]);
  });

  it("sends a gauge at any value, the first time too", () => {
    const gate = gateOf();
    const age = { ...gauge(0), name: "agent.docker.age" };
    assert.deepEqual(gate.pass([age], 0).samples, [age]);
    assert.equal(gate.size, 1);
  });

  it("keeps a quiet gauge back while it stands at 0, but tells a change to 0, for the idle time", () => {
    const gate = gateOf();
    assert.deepEqual(gate.pass([gauge(0)], 0).samples, []);
    assert.deepEqual(gate.pass([gauge(3)], minute).samples, [gauge(3)]);
    assert.deepEqual(gate.pass([gauge(0)], 2 * minute).samples, [gauge(0)]);
    assert.deepEqual(gate.pass([gauge(0)], 6 * minute).samples, [gauge(0)]);
    assert.deepEqual(gate.pass([gauge(0)], 6 * minute + 1).samples, []);
  });

  it("counts a series for the hour in which it was seen, and then no more", () => {
    const gate = gateOf(1);
    gate.pass([count(1, "a")], 0);
    assert.equal(gate.pass([count(1, "b")], 60 * minute).folded, 1);
    assert.deepEqual(gate.pass([count(1, "b")], 60 * minute + 1), { samples: [count(1, "b")], folded: 0 });
    assert.equal(gate.size, 1);
  });

  it("sums what is over the budget by what the fold leaves, each sum once", () => {
    const gate = gateOf(1);
    gate.pass([count(1, "a")], 0);
    const { samples, folded } = gate.pass(
      [count(1, "a"), count(2, "b"), count(4, "c"), count(8, "d", "m"), gauge(3, "b"), gauge(4, "c")],
      10,
    );
    assert.equal(folded, 5);
    assert.deepEqual(samples, [
      count(1, "a"),
      over("net.bytes_rcvd", "count", 6, "n"),
      over("net.bytes_rcvd", "count", 8, "m"),
      over("tcp.connections", "gauge", 7, "n"),
    ]);
  });

  it("tells the worst of what is joined by its worst", () => {
    const gate = gateOf(0);
    const losses = [gauge(0, "a"), gauge(1, "b"), gauge(0.5, "c")].map((one) => ({ ...one, name: "probe.loss" }));
    const { samples } = gate.pass(losses, 0);
    assert.deepEqual(samples, [over("probe.loss", "gauge", 1, "n")]);
  });

  it("lets a series that was let in stay, whatever comes before it", () => {
    const gate = gateOf(2);
    gate.pass([count(1, "a"), count(1, "b")], 0);
    const { samples } = gate.pass([count(1, "c"), count(1, "b"), count(0, "a")], 10);
    assert.deepEqual(
      samples.map(({ tags }) => tags["container_name"]),
      ["b", "a", undefined],
    );
  });

  it("never changes a network's sum, and never lets in more than the budget", () => {
    const batch = fc.uniqueArray(
      fc.record({
        value: fc.nat({ max: 9 }),
        container: fc.constantFrom("a", "b", "c", "d", "e", "f", "g"),
        network: fc.constantFrom("n", "m"),
      }),
      { selector: ({ container, network }) => container + network },
    );
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 10 }), fc.integer({ min: 1, max: 6 }), (batches, budget) => {
        const gate = gateOf(budget);
        for (const [i, one] of batches.entries()) {
          const samples = one.map(({ value, container, network }) => count(value, container, network));
          const passed = gate.pass(samples, i * 10_000).samples;
          for (const network of ["n", "m"]) assert.equal(sumOf(passed, network), sumOf(samples, network));
          assert.ok(gate.size <= budget);
          assert.equal(new Set(passed.map(({ tags }) => JSON.stringify(tags))).size, passed.length);
        }
      }),
    );
  });
});

const sumOf = (samples: readonly Sample[], network: string) =>
  samples.filter(({ tags }) => tags["docker_network"] === network).reduce((sum, { value }) => sum + value, 0);
