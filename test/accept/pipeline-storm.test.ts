import assert from "node:assert/strict";
import type { LabHost } from "../../lab/host.ts";
import { journaldOf } from "../../lab/journal.ts";
import { useLab } from "../lab/fixture.ts";
import { childrenOf, cpuOf, descendantsOf } from "./family.ts";
import { figure, sized } from "./length.ts";
import { Pipeline, type Stage, stage, type Stored } from "./pipeline.ts";
import { endAll } from "./program.ts";

const maxEntries = 100;
const changes = sized(200_000, 20_000);

describe("accept: pipeline, a storm", function () {
  this.timeout(120_000);
  const lab = useLab();
  let host: LabHost;
  let idle: Stage;
  let pipeline: Pipeline;

  before("an idle network", async () => {
    host = lab().host(1);
    idle = await stage(host, "idle", 8, ["I1"]);
    pipeline = await Pipeline.start(lab(), host, { maxEntries });
    await pipeline.waitForNetwork("idle");
    await pipeline.settled(1500);
  });
  after("end", async () => {
    await pipeline.close();
    endAll();
    await idle.remove();
  });

  for (const round of Array.from({ length: sized(5, 1) }, (_, index) => index + 1)) {
    it(`${changes} FDB changes as fast as bridge can, round ${round}: counted + lost by overrun = forced`, async () => {
      const before = { counted: pipeline.counted("idle"), lost: bridgeLost(), all: pipeline.lost() };
      const mark = (await pipeline.entries()).length;
      const parts = {
        recorder: [pipeline.recorder.child.pid!],
        follower: [pipeline.follower.child.pid!, ...descendantsOf(pipeline.follower.child.pid!)],
        journald: [journaldOf(host).pid],
        ip: childrenOf(pipeline.recorder.child.pid!),
      };
      const spent = () => Object.entries(parts).map(([part, pids]) => [part, cpuOf(pids)] as const);
      const [began, start] = [spent(), performance.now()];
      const forced = await lab().storm({ networkId: idle.id, changes });
      const [during, seconds] = [spent(), (performance.now() - start) / 1000];
      await pipeline.settled();
      const cost = Object.fromEntries(during.map(([part, ms], i) => [part, (ms - began[i]![1]) / seconds / 1000]));
      const [counted, lost] = [pipeline.counted("idle") - before.counted, bridgeLost() - before.lost];
      figure(`${forced} forced in ${seconds.toFixed(2)} s: ${counted} counted + ${lost} lost by overrun`);
      figure(
        `cores: ${Object.entries(cost)
          .map(([part, cores]) => `${part} ${cores.toFixed(2)}`)
          .join(", ")}`,
      );
      growth((await pipeline.entries()).slice(mark));
      assert.equal(forced, changes);
      assert.equal(counted + lost, forced);
      assert.equal(pipeline.lost({ cause: "gap" }) + pipeline.lost({ cause: "suppressed" }), 0);
      assert.ok(cost["recorder"]! + cost["follower"]! + cost["journald"]! < 1, "under one core");
    });
  }

  it("with the smallest receive buffer and ip stopped for a while the kernel drops for certain: still counted + lost = forced", async () => {
    await pipeline.close();
    pipeline = await Pipeline.start(lab(), host, { maxEntries, rcvbuf: 65_536 });
    await pipeline.waitForNetwork("idle");
    await pipeline.settled(1500);
    const before = pipeline.counted("idle");
    const listeners = childrenOf(pipeline.recorder.child.pid!);
    for (const pid of listeners) process.kill(pid, "SIGSTOP");
    const stopped = lab().storm({ networkId: idle.id, changes: 4000 });
    const forced = await stopped.finally(() => {
      for (const pid of listeners) process.kill(pid, "SIGCONT");
    });
    await pipeline.settled(3000);
    const [counted, lost] = [pipeline.counted("idle") - before, bridgeLost()];
    figure(`${forced} forced while ip stood still: ${counted} counted + ${lost} lost by overrun`);
    assert.ok(lost > 1000, `${lost} lost: no overrun`);
    const seen = (await pipeline.entries("overrun")).filter(({ socket }) => socket === "bridge");
    assert.equal(
      seen.reduce((sum, { count }) => sum + (count ?? 0), 0),
      lost,
    );
    assert.equal(counted + lost, forced);
  });

  const bridgeLost = () => pipeline.lost({ cause: "overrun", socket: "bridge" });
});

/** By the times that journald stamped, and of all entries: events, overruns, heartbeats. */
function growth(entries: readonly Stored[]): void {
  const times = entries.map(({ stored }) => stored / 1_000_000);
  const most = Math.max(...times.map((from) => times.filter((time) => time >= from && time < from + 1).length));
  const kinds = [...new Set(entries.map(({ kind }) => kind))].join(" ");
  figure(
    `journal: ${entries.length} entries (${kinds}) in ${(times.at(-1)! - times[0]!).toFixed(1)} s, ${most} in the busiest second (${maxEntries} configured)`,
  );
  assert.ok(most <= maxEntries, `${most} entries in one second`);
}
