import assert from "node:assert/strict";
import { memoryWorker, statusOf, tablesOf } from "./fleet.ts";
import { useFleet } from "./use-fleet.ts";

const [a, b, c] = ["a.example.com", "b.example.com", "c.example.com"] as const;
const patience = () => AbortSignal.timeout(10_000);

describe("dispatch/nats: questions", function () {
  this.timeout(30_000);
  const { provide, asker, hostOf } = useFleet([a, b, c], [b, a]);

  it("go to the hosts that have a place at the broker, by their names, and each answers", async () => {
    await provide();
    const fleet = await asker();
    await Promise.all([a, b].map(async (host) => hostOf(host, memoryWorker(host).worker)));
    assert.deepEqual(await fleet.hosts(), [a, b]);
    assert.deepEqual(
      await fleet.status([b, a], patience()),
      [b, a].map((host) => ({ host, answer: statusOf(host) })),
    );
    assert.deepEqual(await fleet.tables([a], patience()), [{ host: a, answer: tablesOf(a) }]);
  });

  it("of which one is for a host that is away: that is known at once, and the others' answers are there", async () => {
    await provide();
    const fleet = await asker(9000);
    await hostOf(a, memoryWorker(a).worker);
    const begun = performance.now();
    assert.deepEqual(await fleet.status([b, a, c], patience()), [
      { host: b, trouble: "it is not connected to the broker" },
      { host: a, answer: statusOf(a) },
      { host: c, trouble: "it is not connected to the broker" },
    ]);
    assert.ok(performance.now() - begun < 4000);
  });
});
