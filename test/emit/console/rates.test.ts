import assert from "node:assert/strict";
import { Arrivals } from "../../../emit/console/arrivals.ts";
import { rates } from "../../../emit/console/rates.ts";
import type { Sample } from "../../../emit/sample.ts";

const count = (name: string, value: number, tags: Sample["tags"] = {}): Sample => ({
  name,
  type: "count",
  value,
  tags,
});
const a = { container_name: "a", docker_network: "n", interface: "eth0" };

const of = (container: string, value: number) => count("net.bytes_rcvd", value, { ...a, container_name: container });

const order = (samples: readonly Sample[]) => rates(samples, 1).map(({ container }) => container);

describe("emit/console/rates", () => {
  it("makes one line of an interface, in units a second", () => {
    const [row, ...more] = rates(
      [
        count("net.bytes_rcvd", 100, a),
        count("net.bytes_sent", 50, a),
        count("net.packets_rcvd", 10, a),
        count("net.packets_sent", 5, a),
        count("net.drops_rcvd", 1, a),
        count("net.drops_sent", 4, a),
        count("net.errors_rcvd", 1, a),
        count("net.errors_sent", 4, a),
        count("tcp.retrans_segs", 9, a),
      ],
      10,
    );
    assert.deepEqual(row, {
      host: "",
      container: "a",
      network: "n",
      interface: "eth0",
      bytesIn: 10,
      bytesOut: 5,
      packetsIn: 1,
      packetsOut: 0.5,
      drops: 0.5,
      errors: 0.5,
    });
    assert.deepEqual(more, []);
  });

  it("puts the busiest first, and equals in a fixed order", () => {
    const all = [of("c", 1), of("b", 1), of("z", 9)];
    assert.deepEqual(order(all), ["z", "b", "c"]);
    assert.deepEqual(order(all.toReversed()), ["z", "b", "c"]);
  });

  it("tells hosts apart, bears what has no tags, and no time at all", () => {
    assert.equal(
      rates([count("net.bytes_rcvd", 1, { ...a, host: "1" }), count("net.bytes_rcvd", 1, { ...a, host: "2" })], 1)
        .length,
      2,
    );
    assert.equal(rates([count("net.bytes_rcvd", 1)], 1)[0]?.container, "(all)");
    assert.deepEqual(rates([count("net.bytes_rcvd", 1, a)], 0), []);
    assert.deepEqual(rates([count("constructor", 1, a)], 1), [], "no measure of that name");
  });
});

describe("emit/console/arrivals", () => {
  it("knows no rate from one arrival, and takes it as the start of the others", () => {
    const arrivals = new Arrivals();
    arrivals.add(count("n", 1000), 0);
    assert.deepEqual(arrivals.rates(0), []);
    arrivals.add(count("n", 20), 2000);
    assert.deepEqual(arrivals.rates(2000), [count("n", 10)]);
  });

  it("looks back ten seconds, and forgets what no longer arrives", () => {
    const arrivals = new Arrivals();
    for (const at of [0, 4000, 8000, 12_000]) arrivals.add(count("n", at), at);
    assert.deepEqual(arrivals.rates(12_000), [count("n", 20_000 / 8)]);
    assert.deepEqual(arrivals.rates(22_001), []);
    arrivals.add(count("n", 1), 23_000);
    assert.deepEqual(arrivals.rates(23_000), [], "the next one starts anew");
  });

  it("makes no rate of two that arrive at once", () => {
    const arrivals = new Arrivals();
    arrivals.add(count("n", 1), 5);
    arrivals.add(count("n", 1), 5);
    assert.deepEqual(arrivals.rates(5), []);
  });
});
