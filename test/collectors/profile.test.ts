import assert from "node:assert/strict";
import * as fc from "fast-check";
import { applyProfile } from "../../collectors/profile.ts";
import { type Sample, seriesKey } from "../../emit/sample.ts";

const text = (...words: readonly string[]) => fc.option(fc.constantFrom(...words), { nil: undefined });

/** Samples of one cycle: each series once. */
const samples: fc.Arbitrary<readonly Sample[]> = fc
  .uniqueArray(
    fc.record({
      name: fc.constantFrom("net.bytes_rcvd", "net.bytes_sent"),
      container_name: fc.constantFrom("web.1", "web.2", "db"),
      interface: fc.constantFrom("eth0", "eth1"),
      docker_network: fc.constantFrom("front", "back"),
      swarm_service: text("web", "db"),
      compose_service: text("one"),
      team: text("net"),
      host: text("h1"),
    }),
    { selector: (one) => JSON.stringify(one), maxLength: 30 },
  )
  .chain((all) =>
    fc.array(fc.nat({ max: 1000 }), { minLength: all.length, maxLength: all.length }).map((values) =>
      all.map(({ name, ...tags }, i) => ({
        name,
        type: "count" as const,
        value: values[i] ?? 0,
        tags: Object.fromEntries(Object.entries(tags).flatMap(([k, v]) => (v === undefined ? [] : [[k, v]]))),
      })),
    ),
  );

const sumBy = (all: readonly Sample[], keys: readonly string[]) => {
  const sums = new Map<string, number>();
  for (const { name, tags, value } of all) {
    const key = [name, ...keys.map((k) => tags[k] ?? "")].join("|");
    sums.set(key, (sums.get(key) ?? 0) + value);
  }
  return new Map([...sums].toSorted(([a], [b]) => (a < b ? -1 : 1)));
};

const none: ReadonlySet<string> = new Set();
const sample = (value: number, tags: Sample["tags"]): Sample => ({ name: "n", type: "count", value, tags });

describe("collectors/profile", () => {
  it("changes no sum over host, network and service", () => {
    fc.assert(
      fc.property(samples, (all) => {
        const byService = applyProfile("service", ["team"], all, none);
        assert.deepEqual(
          sumBy(byService, ["host", "docker_network", "swarm_service"]),
          sumBy(all, ["host", "docker_network", "swarm_service"]),
        );
        const lean = applyProfile("lean", ["team"], all, none);
        assert.deepEqual(sumBy(lean, ["host", "docker_network"]), sumBy(all, ["host", "docker_network"]));
        assert.equal(applyProfile("container", ["team"], all, none), all);
      }),
    );
  });

  it("has each series once, and fewer of them", () => {
    fc.assert(
      fc.property(samples, (all) => {
        for (const profile of ["service", "lean"] as const) {
          const made = applyProfile(profile, ["team"], all, none);
          assert.equal(new Set(made.map(({ name, tags }) => seriesKey(name, tags))).size, made.length);
          assert.ok(made.length <= all.length);
        }
      }),
    );
  });

  it("sums a service over its containers and interfaces, and leaves a container without one as it is", () => {
    const made = applyProfile(
      "service",
      [],
      [
        sample(1, { container_name: "web.1", swarm_service: "web", interface: "eth0", docker_network: "front" }),
        sample(2, {
          container_name: "web.2",
          swarm_service: "web",
          interface: "eth1",
          docker_network: "front",
          netns_shared: "true",
        }),
        sample(4, { container_name: "db", interface: "eth0", docker_network: "front" }),
      ],
      none,
    );
    assert.deepEqual(made, [
      sample(3, { swarm_service: "web", docker_network: "front" }),
      sample(4, { container_name: "db", interface: "eth0", docker_network: "front" }),
    ]);
  });

  it("tells the worst of a network where a metric is joined by it", () => {
    const loss = (value: number, name: string) => sample(value, { container_name: name, docker_network: "front" });
    const made = applyProfile("lean", [], [loss(0.5, "a"), loss(1, "b"), loss(0, "c")], new Set(["n"]));
    assert.deepEqual(made, [sample(1, { docker_network: "front" })]);
  });

  it("leaves of the lean profile nothing that a container or a user's label brings", () => {
    const tags = {
      container_name: "a",
      image_tag: "1",
      env: "prod",
      team: "net",
      interface: "eth0",
      docker_network: "front",
      state: "listen",
    };
    const [only] = applyProfile("lean", ["team"], [{ name: "n", type: "gauge", value: 1, tags }], none);
    assert.deepEqual(only?.tags, { docker_network: "front", state: "listen" });
  });
});
