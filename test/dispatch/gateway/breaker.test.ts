import assert from "node:assert/strict";
import * as fc from "fast-check";
import { fleetBreaker } from "../../../dispatch/gateway/breaker.ts";

const rules = { windowMs: 1000, hosts: 3, share: 0.2 };

describe("dispatch/gateway: the fleet's breaker", () => {
  it("opens with more hosts than may be and more than the share, and not before", () => {
    const breaker = fleetBreaker(rules, () => 10);
    for (const host of ["a", "b", "c", "c", "a"]) assert.equal(breaker.saw(host, 0), undefined, host);
    assert.match(breaker.saw("d", 999) ?? "", /^4 of 10 hosts asked for healing within 1 s, /u);
    const large = fleetBreaker(rules, () => 20);
    for (const host of ["a", "b", "c", "d"]) assert.equal(large.saw(host, 0), undefined, "a fifth is not more than it");
    assert.notEqual(large.saw("e", 0), undefined);
  });

  it("counts a host for its window, from the last that it told, and one that tells without end once", () => {
    const breaker = fleetBreaker(rules, () => 10);
    for (const [host, at] of [
      ["a", 0],
      ["b", 0],
      ["a", 500],
      ["c", 900],
    ] as const)
      assert.equal(breaker.saw(host, at), undefined);
    assert.equal(breaker.saw("d", 1000), undefined, "b counts no more");
    assert.notEqual(breaker.saw("e", 1499), undefined);
    for (let at = 5000; at < 6000; at++) assert.equal(breaker.saw("a", at), undefined);
  });

  it("asks for the number of hosts alone where nobody knows how many there are, and begins anew when it is told", () => {
    const breaker = fleetBreaker(rules, () => undefined);
    for (const host of ["a", "b", "c"]) assert.equal(breaker.saw(host, 0), undefined);
    assert.match(breaker.saw("d", 0) ?? "", /^4 hosts asked/u);
    breaker.reset();
    assert.equal(breaker.saw("e", 1), undefined);
  });

  it("never opens for so few, whatever the clock does; holds on to no host that is out of its window", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom("a", "b", "c"), fc.integer())), (all) => {
        const breaker = fleetBreaker({ ...rules, share: 0 }, () => 3);
        for (const [host, at] of all) assert.equal(breaker.saw(host, at), undefined);
      }),
    );
    const breaker = fleetBreaker({ ...rules, share: 0 }, () => 3);
    for (const host of ["a", "b", "c"]) breaker.saw(host, 1e6);
    assert.equal(breaker.saw("d", 0), undefined, "the clock was set back");
  });
});
