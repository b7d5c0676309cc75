import assert from "node:assert/strict";
import { addressList, isLoopback, peersOf } from "../../../dispatch/gateway/peer.ts";
import { ratesOf } from "../../../dispatch/gateway/rates.ts";

describe("dispatch/gateway: peers", () => {
  it("are addresses and ranges of both families; IPv4 is the same in IPv6's clothes", () => {
    const list = addressList(["192.0.2.7", "10.0.0.0/8", "2001:db8::/32"]);
    for (const inside of ["192.0.2.7", "10.255.0.1", "2001:db8::1", "::ffff:10.0.0.1"])
      assert.ok(list.has(inside), inside);
    for (const outside of ["192.0.2.8", "11.0.0.1", "2001:db9::1", "", "10.0.0", "nobody", "10.0.0.1:80"])
      assert.ok(!list.has(outside), outside);
    assert.deepEqual(["127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::", "10.0.0.1"].map(isLoopback), [
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it("behind proxies are who the last hop that is not ours names", () => {
    const { sender } = peersOf([], ["10.0.0.1", "10.0.0.2"]);
    assert.equal(sender("203.0.113.9", "192.0.2.1"), "203.0.113.9", "who comes by himself is believed nothing");
    assert.equal(sender("10.0.0.1", "192.0.2.1, 203.0.113.9"), "203.0.113.9");
    assert.equal(sender("::ffff:10.0.0.1", "203.0.113.9,10.0.0.2"), "203.0.113.9", "two proxies");
    assert.equal(sender("10.0.0.1", ""), "10.0.0.1");
    assert.equal(sender("10.0.0.1", "10.0.0.2"), "10.0.0.2");
    assert.equal(sender("10.0.0.1", "203.0.113.9, <script>"), "");
    assert.equal(sender("10.0.0.1", ",,,"), "10.0.0.1");
  });
});

describe("dispatch/gateway: rates", () => {
  it("count by key and minute", () => {
    const rates = ratesOf(2);
    assert.deepEqual(
      [rates.take("a", 0), rates.take("a", 1), rates.take("a", 2), rates.take("b", 2)],
      [true, true, false, true],
    );
    assert.equal(rates.take("a", 60_000), true);
    assert.equal(rates.take("a", 0), true, "a clock that was put back begins anew");
  });

  it("forget the oldest of more than 10,000 keys", () => {
    const rates = ratesOf(1);
    for (let i = 0; i <= 10_000; i++) rates.take(String(i), 0);
    assert.deepEqual([rates.take("10000", 1), rates.take("0", 1)], [false, true]);
  });
});
