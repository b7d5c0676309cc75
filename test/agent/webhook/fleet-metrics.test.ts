import assert from "node:assert/strict";
import { openFleetMetrics } from "../../../agent/webhook/fleet-metrics.ts";
import { gatewayMetrics } from "../../../dispatch/gateway/metrics.ts";
import type { Sample } from "../../../emit/sample.ts";

const told = (all: readonly Sample[]) => all.map(({ name, value, tags }) => [name, value, ...Object.values(tags)]);

describe("agent/webhook: metrics of the fleet", () => {
  it("tell how it stands, by declared names, and what was since the last time once", () => {
    const sent: Sample[] = [];
    let [openings, enrolled]: [number, number | undefined] = [1, undefined];
    const metrics = openFleetMetrics({ writeSelf: (all) => void sent.push(...all) }, () => ({
      isConnected: () => true,
      seen: new Map([
        ["a", { at: 100_000 }],
        ["b", { at: 40_000 }],
      ]),
      enrolled: () => enrolled,
      isPaused: () => openings > 0,
      openings: () => openings,
    }));
    const now = 100_000;
    metrics.offered(20);
    metrics.offered(250);
    for (const why of ["not-taken", "not-taken", "turned-away"]) metrics.deadLetter(why);
    const first = metrics.samples(now);
    assert.deepEqual(told(first), [
      ["fleet.connected", 1],
      ["fleet.hosts_present", 1],
      ["fleet.paused", 1],
      ["fleet.breaker_openings", 1],
      ["fleet.offer_seconds", 0.25],
      ["fleet.dead_letters", 2, "not-taken"],
      ["fleet.dead_letters", 1, "turned-away"],
    ]);
    [openings, enrolled] = [0, 3];
    assert.deepEqual(told(metrics.samples(now)), [
      ["fleet.connected", 1],
      ["fleet.hosts_present", 1],
      ["fleet.hosts_enrolled", 3],
      ["fleet.paused", 0],
      ["fleet.breaker_openings", 0],
      ["fleet.dead_letters", 0, "not-taken"],
      ["fleet.dead_letters", 0, "turned-away"],
    ]);
    metrics.close();
    assert.ok(sent.length > 0, "at its end too");
    const table = new Map(Object.entries(gatewayMetrics));
    for (const { name, type, tags } of [...first, ...sent])
      assert.deepEqual([table.get(name)?.type, table.get(name)?.tags], [type, Object.keys(tags)], name);
  });
});
