import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { NatsConnection } from "@nats-io/transport-node";
import { watchFleetSize } from "../../../dispatch/nats/fleet-size.ts";
import { until } from "../../host/until.ts";
import { brokerOf } from "./fleet.ts";
import { useFleet } from "./use-fleet.ts";

const [a, b] = ["a.example.com", "b.example.com"] as const;

describe("dispatch/nats: how many hosts a fleet has", function () {
  this.timeout(30_000);
  const { server, fleet, provide, kept } = useFleet([a, b], [a, b]);

  it("is asked one at a time: for a broker that does not come nobody piles up", async () => {
    let waiting = 0;
    const broker = {
      timeoutMs: 100,
      get ready() {
        waiting++;
        return new Promise<NatsConnection>(() => undefined);
      },
      isConnected: () => true,
      close: async () => undefined,
    };
    const size = watchFleetSize(broker, 2);
    await sleep(100);
    size.close();
    assert.equal(waiting, 1);
    assert.equal(size.hosts(), undefined);
  });

  it("is kept while the broker is away, and asked again when it is back", async () => {
    await provide();
    const { broker } = await brokerOf(server().url, fleet.seeds.gateway, "gateway", 1000);
    kept(broker);
    const size = watchFleetSize(broker, 20);
    try {
      await until("it is told", () => size.hosts() === 2);
      const connection = await broker.ready;
      const stats = () => connection.stats();
      await server().end();
      await until("it is away", () => !broker.isConnected());
      const before = stats().outMsgs;
      await sleep(300);
      assert.ok(stats().outMsgs - before < 3, "nothing is asked of nobody");
      assert.equal(size.hosts(), 2);
      await server().start();
      await until("it is back", broker.isConnected, 10_000);
      await until("it is asked again", () => stats().outMsgs - before > 3);
    } finally {
      size.close();
    }
  });
});
