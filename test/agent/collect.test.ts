import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { type CycleResult, runner } from "../../agent/collect.ts";
import { type Collector, type CycleOf, defineCollector } from "../../collectors/collector.ts";
import { trackNamespaces } from "../../collectors/namespaces.ts";
import { type Inventory, emptyInventory } from "../../host/docker/inventory.ts";
import { type Host, NotAvailable } from "../../host/host.ts";
import { containerOf } from "../collectors/container.ts";
import { manualClock } from "../host/manual-clock.ts";
import { noOverlays } from "../host/no-overlays.ts";

const metrics = {
  "test.gauge": { type: "gauge", unit: "item", tags: [], help: "A gauge.", orientation: 0 },
  "test.count": { type: "count", unit: "item", tags: [], help: "A count.", orientation: 0 },
} as const;

type Collect = (cycle: CycleOf<typeof metrics>) => Promise<void>;

const collectorOf = (collect: Collect): Collector =>
  defineCollector({ name: "test", summary: "For tests.", config: z.strictObject({}), metrics, create: () => collect });

const nothing = () => assert.fail("not asked for here");

const gone = () => {
  throw new NotAvailable("gone");
};

function hostOf(inventory: Inventory = { ...emptyInventory, state: "live" }) {
  const clock = manualClock(1_000_000);
  const self = { pid: 0, folder: "/proc/self", text: nothing, inode: () => 1, close: () => undefined };
  const host: Host = {
    clock,
    docker: { inventory: () => inventory },
    proc: { open: gone, host: () => self },
    sockets: { tcpStates: gone },
    overlays: noOverlays,
  };
  return { host, clock };
}

interface Setting {
  readonly deadline?: number;
  readonly raw?: boolean;
  readonly inventory?: Inventory;
}

function running(collect: Collect, { deadline = 5000, raw = false, inventory }: Setting = {}) {
  const { host, clock } = hostOf(inventory);
  const run = runner(
    collectorOf(collect),
    {},
    { host, namespaces: trackNamespaces(host, () => true), tagsOf: () => ({}), deadline, raw },
  );
  return { clock, run: async (signal = new AbortController().signal): Promise<CycleResult> => run(signal) };
}

const of = { group: "g", member: "m" };

describe("agent/collect", () => {
  it("gives a collector's samples, with the time that it took", async () => {
    const { run, clock } = running(async ({ gauge }) => {
      gauge("test.gauge", 1, { a: "b" });
      clock.advance(250);
    });
    assert.deepEqual(await run(), {
      collector: "test",
      outcome: "ok",
      at: 1_000_000,
      seconds: 0.25,
      samples: [{ name: "test.gauge", type: "gauge", value: 1, tags: { a: "b" } }],
      errors: [],
      skipped: {},
      resets: 0,
    });
  });

  it("takes the growth of counters, and counts resets", async () => {
    let value = 10;
    const { run } = running(async ({ counters }) => counters(of, {}, { "test.count": value }));
    assert.deepEqual((await run()).samples, []);
    value = 14;
    assert.deepEqual((await run()).samples, [{ name: "test.count", type: "count", value: 4, tags: {} }]);
    value = 3;
    const { samples, resets } = await run();
    assert.deepEqual([samples, resets], [[], 1]);
  });

  it("gives the kernel's values if they are asked for raw", async () => {
    const { run } = running(async ({ counters }) => counters(of, {}, { "test.count": 10 }), { raw: true });
    for (let i = 0; i < 2; i++)
      assert.deepEqual(
        (await run()).samples.map(({ value }) => value),
        [10],
      );
  });

  it("sends nothing of what is told without tags, and knows it all the same", async () => {
    let wanted = false;
    let value = 100;
    const { run } = running(async ({ counters }) =>
      counters(of, wanted ? { a: "b" } : undefined, { "test.count": value }),
    );
    await run();
    assert.deepEqual((await run()).samples, []);
    wanted = true;
    value = 101;
    assert.deepEqual(
      (await run()).samples.map((s) => s.value),
      [1],
    );
  });

  it("calls a run partial where something failed, and counts what was left out", async () => {
    const { run } = running(async ({ fail, skip, gauge }) => {
      fail(new Error("one"));
      skip("gone");
      skip("gone");
      gauge("test.gauge", 1);
    });
    const { outcome, errors, skipped, samples } = await run();
    assert.deepEqual(
      [outcome, errors.map(String), skipped, samples.length],
      ["partial", ["Error: one"], { gone: 2 }, 1],
    );
  });

  it("calls it absent where the host lacks the source, also where Docker never answered", async () => {
    const without = running(async () => {
      throw new NotAvailable("no module");
    });
    assert.equal((await without.run()).outcome, "absent");
    const undocked = running(async ({ namespaces }) => void namespaces(), {
      inventory: { ...emptyInventory, error: "no socket" },
    });
    const { outcome, errors } = await undocked.run();
    assert.deepEqual([outcome, errors.map(({ message }) => message)], ["absent", ["no socket"]]);
  });

  it("calls it failed where the collector throws, at once or later, anything", async () => {
    const throwing: readonly Collect[] = [
      async () => {
        throw new Error("later");
      },
      () => {
        throw new Error("at once");
      },
      // eslint-disable-next-line typescript/prefer-promise-reject-errors -- what a library may do
      () => Promise.reject("text"),
    ];
    const ends = await Promise.all(throwing.map(async (collect) => running(collect).run()));
    assert.deepEqual(
      ends.map(({ outcome, errors }) => [outcome, errors[0]?.message]),
      [
        ["failed", "later"],
        ["failed", "at once"],
        ["failed", "text"],
      ],
    );
  });

  it("keeps what came before a failure, and goes on with the next run", async () => {
    let runs = 0;
    const { run } = running(async ({ gauge }) => {
      gauge("test.gauge", ++runs);
      if (runs === 1) throw new Error("first");
    });
    assert.equal((await run()).samples.length, 1);
    assert.equal((await run()).outcome, "ok");
  });

  it("cuts a run that hangs at its deadline, and does not listen to it any more", async () => {
    let late: (() => void) | undefined;
    let told = false;
    const { run } = running(
      async ({ gauge, counters, fail, skip, signal }) => {
        gauge("test.gauge", 1);
        signal.addEventListener("abort", () => {
          told = true;
        });
        await new Promise<void>((resolve) => {
          late = resolve;
        });
        gauge("test.gauge", 2);
        counters(of, {}, { "test.count": 1 });
        fail(new Error("late"));
        skip("late");
      },
      { deadline: 20 },
    );
    const result = await run();
    assert.deepEqual(
      [result.outcome, result.samples.length, result.errors.map(({ name }) => name), told],
      ["timeout", 1, ["TimeoutError"], true],
    );
    late?.();
    await sleep(1);
    assert.deepEqual([result.samples.length, result.errors.length, result.skipped], [1, 1, {}]);
  });

  it("does not listen to what a run left behind that had ended", async () => {
    const { run } = running(async ({ gauge, fail, skip }) => {
      setImmediate(() => {
        gauge("test.gauge", 1);
        fail(new Error("late"));
        skip("late");
      });
    });
    const { samples, errors, skipped } = await run();
    await sleep(5);
    assert.deepEqual([samples, errors, skipped], [[], [], {}]);
  });

  it("does not let a late run spoil what the next one counts", async () => {
    const gates: (() => void)[] = [];
    let value = 0;
    const { run } = running(
      async ({ counters }) => {
        const seen = (value += 10);
        if (seen === 20) await new Promise<void>((resolve) => void gates.push(resolve));
        counters(of, {}, { "test.count": seen });
      },
      { deadline: 20 },
    );
    await run();
    assert.equal((await run()).outcome, "timeout");
    gates[0]?.();
    await sleep(1);
    assert.deepEqual(
      (await run()).samples.map((s) => s.value),
      [20],
    );
  });

  it("ends with the signal that ends the program, and does not begin after it", async () => {
    const stop = new AbortController();
    let began = 0;
    const { run } = running(async () => {
      began++;
      await new Promise(() => undefined);
    });
    const result = run(stop.signal);
    stop.abort(new Error("SIGTERM"));
    assert.deepEqual(
      (await result).errors.map(({ message }) => message),
      ["SIGTERM"],
    );
    assert.equal((await run(stop.signal)).outcome, "timeout");
    assert.equal(began, 1);
  });

  it("lets others run while it works long, and ends there once it is cut", async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const { run } = running(
      async ({ breathe }) => {
        for (;;) {
          const until = performance.now() + 3;
          while (performance.now() < until);
          await breathe();
        }
      },
      { deadline: 100 },
    );
    const { outcome } = await run();
    clearInterval(timer);
    assert.equal(outcome, "timeout");
    assert.ok(turns >= 3, `${turns} turns`);
  });

  it("says what the look at the namespaces left out", async () => {
    const inventory: Inventory = { ...emptyInventory, state: "stale", containers: [containerOf()] };
    const { run } = running(async ({ namespaces }) => assert.deepEqual(namespaces(), []), { inventory });
    const { outcome, skipped } = await run();
    assert.deepEqual([outcome, skipped], ["ok", { gone: 1 }]);
  });
});
