import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { HelperBusy, helperAt, type Pause } from "../../../dispatch/worker/ask-helper.ts";
import { type FleetWord, fleetWord, holding } from "../../../dispatch/worker/fleet-word.ts";
import { forPauses, pace } from "../../../dispatch/worker/pace.ts";
import { ownUser } from "../../../host/own-user.ts";
import { until } from "../../host/until.ts";
import { HelperServer } from "./helper-server.ts";
import { done, jobOf } from "./made.ts";

const atAnyTime = { wait: () => 0, take: () => undefined };
const later = () => Date.now() + 60_000;

function wordOf(answer: () => Promise<readonly string[]>, more: Partial<Parameters<typeof fleetWord>[0]> = {}) {
  const [asked, late]: [(Pause | undefined)[], (readonly string[])[]] = [[], []];
  const helper = { pause: async (pause: Pause | undefined) => (asked.push(pause), answer()) };
  const word = fleetWord({ helper, pace: atAnyTime, onKept: (stops) => late.push(stops), againMs: 20, ...more });
  return { word, asked, late };
}

/** Whether it is asked to heal. */
async function heals(word: FleetWord): Promise<boolean> {
  const helper = helperAt({ socket: "none", owner: 0, timeoutMs: 1 });
  const answer = await holding({ ...helper, ask: async () => done("cured") }, word).ask("heal", "");
  if (answer.kind === "done" && answer.result.outcome === "cured") return true;
  assert.ok(answer.kind === "done" && answer.result.refused[0]?.rule === "pause");
  return false;
}

describe("dispatch/worker: the fleet's word", () => {
  it("is kept by the helper, one after the other, and known here only when it is; of those that wait the last", async () => {
    const { word, asked } = wordOf(async () => (await sleep(20), ["stops"]));
    assert.equal(word.kept(), undefined);
    const first = word.pause({ at: 1, until: 50, reason: "r" });
    await sleep(5);
    const all = [first, word.resume({ at: 2 }), word.pause({ at: 2, until: 60, reason: "s" })];
    assert.equal(word.kept(), undefined);
    const told = await Promise.allSettled(all);
    assert.deepEqual(
      told.map(({ status }) => status),
      ["fulfilled", "rejected", "fulfilled"],
    );
    assert.deepEqual(asked, [
      { until: 50, reason: "r" },
      { until: 60, reason: "s" },
    ]);
    assert.equal(word.kept(), 60);
    assert.equal(await word.pause({ at: 3, until: 60, reason: "s" }), undefined, "it is kept already");
    assert.equal(asked.length, 2);
    await word.resume({ at: 4 });
    assert.equal(word.kept(), null);
  });

  it("that is older than the last one undoes nothing, kept or not", async () => {
    let isThere = false;
    const { word, asked } = wordOf(async () => {
      if (!isThere) throw new Error("no helper");
      return [];
    });
    await assert.rejects(word.pause({ at: 5, until: later(), reason: "r" }), /no helper/u);
    assert.equal(word.kept(), undefined);
    isThere = true;
    await assert.rejects(word.resume({ at: 4 }), /something newer was said/u);
    await word.pause({ at: 6, until: 50, reason: "r" });
    assert.deepEqual([word.kept(), asked.length], [50, 2]);
  });

  it("stops healing when it comes, whether the helper keeps it or not; a busy one is told again", async () => {
    let isBusy = true;
    const { word, asked, late } = wordOf(async () => {
      if (isBusy) throw new HelperBusy("somebody is at work");
      return ["kept"];
    });
    assert.equal(await heals(word), true);
    const asking = word.pause({ at: 1, until: later(), reason: "storm" });
    assert.equal(await heals(word), false);
    assert.match(word.stop() ?? "", /^the whole fleet is paused until \S+: storm; /u);
    await assert.rejects(asking, /at work/u);
    await until("it is told again", () => asked.length > 2);
    assert.equal(await heals(word), false);
    isBusy = false;
    await until("it is kept", () => late.length > 0);
    assert.deepEqual(late, [["kept"]]);
    // A person on this host may have lifted it there.
    assert.equal(await heals(word), true, "the helper is asked, and says no itself");
    const before = asked.length;
    await sleep(100);
    assert.equal(asked.length, before);
  });

  it("is kept by no helper that says that somebody is at work, which ends by itself", async () => {
    const folder = mkdtempSync(join(tmpdir(), "ow-word-"));
    const server = new HelperServer();
    server.raw = (socket, trace) => {
      socket.end(`${JSON.stringify({ v: 1, trace, error: { code: 75, message: "another is at work" } })}\n`);
    };
    const socket = join(folder, "helper/h.sock");
    await server.listen(socket);
    try {
      const helper = helperAt({ socket, owner: ownUser(), timeoutMs: 2000 });
      await assert.rejects(helper.pause({ until: later(), reason: "r" }, "a".repeat(32)), HelperBusy);
    } finally {
      await server.close();
      rmSync(folder, { recursive: true });
    }
  });

  it("holds to its end, or until it is lifted; a helper that is not there is not told without end", async () => {
    const { word, asked } = wordOf(async () => Promise.reject(new Error("no helper")));
    await assert.rejects(word.pause({ at: 1, until: Date.now() + 1000, reason: "short" }));
    assert.equal(await heals(word), false);
    await until("it is over", () => word.stop() === undefined);
    await assert.rejects(word.pause({ at: 2, until: later(), reason: "long" }));
    assert.equal(await heals(word), false);
    await assert.rejects(word.resume({ at: 3 }));
    assert.equal(await heals(word), true);
    assert.equal(asked.length, 3);
  });

  it("is told at a pace of its own, the last one of many", async () => {
    const begun = performance.now();
    const { word, asked } = wordOf(async () => [], { pace: pace({ ...forPauses, everyMs: 300 }) });
    const all = Array.from({ length: 20 }, async (_, at) => {
      await sleep(at * 5);
      return word.pause({ at, until: later() + at, reason: String(at) });
    });
    const told = await Promise.allSettled(all);
    const most = forPauses.most + Math.ceil((performance.now() - begun) / 300);
    assert.ok(asked.length <= most && most < 15, `${asked.length} times, where ${most} are in its pace`);
    assert.equal(told.at(-1)?.status, "fulfilled");
    assert.equal(asked.at(-1)?.reason, "19");
  });

  it("is waited for by jobs that come through the broker, not for long, and not by the host's own", async () => {
    const { word } = wordOf(async () => [], { waitMs: 500 });
    const [page, own] = [jobOf("a", 0), jobOf("b", 0, { own: true })];
    assert.deepEqual([word.hold(page) > 0, word.hold(own), word.isHeard()], [true, 0, false]);
    await until("it waits no longer", () => word.hold(page) === 0);
    word.connected();
    assert.equal(word.hold(page) > 0, true);
    void word.pause({ at: 1, until: later(), reason: "r" });
    assert.deepEqual([word.hold(page), word.isHeard(), await heals(word)], [0, true, false]);
  });
});
