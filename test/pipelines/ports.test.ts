import assert from "node:assert/strict";
import * as fc from "fast-check";
import { type PortClass, portClock } from "../../pipelines/ports.ts";

const mac = "02:42:0a:00:00:02";
const other = "02:42:0a:00:00:03";
const start = 1_700_000_000_000_000;
const second = 1_000_000;

function clockOf(...macs: readonly string[]) {
  const clock = portClock(2 * second);
  clock.own(new Set(macs));
  return clock;
}

const near = (share: number, expected: number): void =>
  assert.ok(Math.abs(share - expected) <= 1 / 64 + 1e-9, `${share}, expected about ${expected}`);

describe("pipelines/ports", () => {
  it("has a MAC without events stay where it was", () => {
    const clock = clockOf(mac, other);
    clock.set(mac, "vxlan", start);
    clock.set(other, "veth", start);
    near(clock.share(mac, start + second), 0.5);
    assert.equal(clock.share(mac, start + 3600 * second), 1);
    assert.equal(clock.share(other, start + 3600 * second), 0);
    assert.deepEqual(clock.largest(start + 3600 * second), { mac, share: 1 });
  });

  it("tells a busy sender's outage from the baseline, as they were measured", () => {
    const clock = clockOf(mac, other);
    for (let n = 0; n < 400; n++) {
      // Outage: 0.02 s between frames, and 60 us after each of them on the right port.
      clock.set(mac, "veth", start + n * 20_000);
      clock.set(mac, "vxlan", start + n * 20_000 + 60);
      // Baseline: 40 times a second for 0.2 ms on the wrong one.
      clock.set(other, "vxlan", start + n * 25_000);
      clock.set(other, "veth", start + n * 25_000 + 200);
    }
    near(clock.share(mac, start + 8 * second), 0.997);
    near(clock.share(other, start + 8 * second), 0.008);
  });

  it("stops the time of a MAC whose row is gone", () => {
    const clock = clockOf(mac);
    clock.set(mac, "vxlan", start);
    clock.set(mac, undefined, start + second);
    near(clock.share(mac, start + 2 * second), 0.5);
    assert.equal(clock.share(mac, start + 4 * second), 0);
  });

  it("watches local MACs only, and forgets those that are not local any more", () => {
    const clock = clockOf(mac);
    clock.set(other, "vxlan", start);
    assert.equal(clock.share(other, start + 9 * second), 0);
    clock.set(mac, "vxlan", start);
    clock.own(new Set([other]));
    assert.equal(clock.share(mac, start + 9 * second), 0);
    clock.own(new Set([mac]));
    assert.equal(clock.port(mac), undefined);
    assert.equal(clockOf().largest(start), undefined);
  });

  it("takes a dump for what has not changed since it was begun", () => {
    const clock = clockOf(mac, other);
    clock.set(mac, "veth", start + 10);
    clock.found(mac, "vxlan", start);
    clock.found(other, "vxlan", start);
    assert.deepEqual([clock.port(mac), clock.port(other)], ["veth", "vxlan"]);
    clock.found(mac, "vxlan", start + 20);
    assert.equal(clock.port(mac), "vxlan");
  });

  it("goes on after the clock was set back, and forward", () => {
    const clock = clockOf(mac);
    clock.set(mac, "vxlan", start + 3600 * second);
    clock.set(mac, "veth", start);
    assert.equal(clock.share(mac, start + second), 0);
    clock.set(mac, "vxlan", start + second);
    near(clock.share(mac, start + 2 * second), 0.5);
    assert.equal(clock.share(mac, start + 7200 * second), 1);
  });

  it("is what summing all stays gives, within a slot, in any order of ports", () => {
    const ports = fc.constantFrom<PortClass | undefined>("veth", "vxlan", "unknown", undefined);
    const steps = fc.array(fc.tuple(ports, fc.integer({ min: 0, max: 900_000 })), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 3_000_000 }), (all, after) => {
        const clock = clockOf(mac);
        let at = start;
        const stays: { readonly port: PortClass | undefined; readonly from: number }[] = [];
        for (const [port, pause] of all) {
          clock.set(mac, port, at);
          stays.push({ port, from: at });
          at += pause;
        }
        const now = at + after;
        let sum = 0;
        for (const [n, { port, from }] of stays.entries()) {
          const to = stays[n + 1]?.from ?? now;
          if (port === "vxlan") sum += Math.max(0, to - Math.max(from, now - 2 * second));
        }
        near(clock.share(mac, now), sum / (2 * second));
      }),
      { numRuns: 500 },
    );
  });
});
