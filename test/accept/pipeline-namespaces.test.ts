import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { LabHost } from "../../lab/host.ts";
import { pause, until } from "../../lab/process.ts";
import { useLab } from "../lab/fixture.ts";
import { childrenOf, commandOf, descendantsOf, openFiles } from "./family.ts";
import { figure, sized } from "./length.ts";
import { Pipeline, type Stage, stage, type Stored } from "./pipeline.ts";
import { endAll } from "./program.ts";

/** Milliseconds in which a namespace is to be picked up or let go. */
const soon = 2000;

describe("accept: pipeline, namespaces come and go", function () {
  this.timeout(sized(400_000, 120_000));
  const lab = useLab();
  let host: LabHost;
  let pipeline: Pipeline;
  const stages: Stage[] = [];

  before("pipeline", async () => {
    host = lab().host(1);
    pipeline = await Pipeline.start(lab(), host);
    await pipeline.waitForNetwork("testnet");
    await pipeline.settled(1500);
  });
  after("end", async () => {
    await pipeline.close();
    endAll();
    for (const each of stages) await each.remove();
  });

  const rounds = sized(10, 2);
  it(`networks made and removed, ${rounds} times: within 2 s, and nothing is left`, async () => {
    const [before, overlays, mounts] = [holdings(pipeline), overlaysOf(host), mountsIn(pipeline.recorder.child.pid!)];
    const [up, down]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      const born = namespaceAppears(host);
      const made = await stage(host, `brief${round}`, 20 + round, [`N${round}`]);
      stages.push(made);
      up.push((await stateOf(made.id, "up")) - (await born));
      const died = namespaceVanishes(host, made.id);
      await made.remove();
      const gone = await died;
      down.push((await stateOf(made.id, "down")) - gone);
    }
    figure(`picked up after ${list(up)} s, let go after ${list(down)} s`);
    assert.ok(Math.max(...up, ...down) <= soon, `later than ${soon} ms`);
    await backTo(before);
    assert.deepEqual(overlaysOf(host), overlays);
    assert.equal(mountsIn(pipeline.recorder.child.pid!), mounts);
  });

  it("the engine starts again: the old namespace is let go, the new one recorded, and nothing is left", async () => {
    const before = holdings(pipeline);
    const mark = Date.now() * 1000;
    const old = overlaysOf(host);
    await host.stopEngine();
    const stopped = Date.now();
    await until(
      async () => (await entriesSince(mark)).some(({ state }) => state === "down") || undefined,
      soon + 3000,
      () => new Error(`${old.join(" ")} is not let go\n${pipeline.words()}`),
    );
    const letGo = (await entriesSince(mark)).find(({ state }) => state === "down")!;
    assert.ok(
      letGo.stored / 1000 - stopped <= soon,
      `let go ${letGo.stored / 1000 - stopped} ms after the engine's end`,
    );
    const born = namespaceAppears(host);
    await host.startEngine();
    const appeared = await born;
    const recorded = async () => (await entriesSince(appeared * 1000 - 100_000)).find(({ state }) => state === "up");
    const again = await until(recorded, 10_000, () => new Error(`it is not recorded again\n${pipeline.words()}`));
    figure(
      `after an engine restart recorded ${((again.stored / 1000 - appeared) / 1000).toFixed(1)} s after its namespace`,
    );
    assert.ok(again.stored / 1000 - appeared <= soon);
    await pause(1000);
    await backTo(before);
  });

  it("two hosts never see each other's events", async () => {
    const other = await Pipeline.start(lab(), lab().host(2));
    try {
      const mine = await stage(host, "onlyone", 40, ["O1"]);
      stages.push(mine);
      await pipeline.waitForNetwork("onlyone");
      await lab().storm({ networkId: mine.id, changes: 200 });
      await Promise.all([pipeline.settled(), other.settled()]);
      assert.ok(pipeline.counted("onlyone") >= 200);
      assert.equal(other.counted("onlyone"), 0);
      const [here, there] = [await pipeline.entries(), await other.entries()];
      assert.ok(here.some(({ mac }) => mac?.startsWith("06:0f:") === true));
      assert.deepEqual(
        there.filter(({ mac }) => mac?.startsWith("06:0f:") === true),
        [],
      );
      assert.deepEqual([...new Set(here.map((entry) => entry.host))], ["dockerhost1"]);
      assert.deepEqual([...new Set(there.map((entry) => entry.host))], ["dockerhost2"]);
    } finally {
      await other.close();
    }
  });

  it("at its end no process of it is left", async () => {
    const family = [pipeline.recorder, pipeline.follower].flatMap(({ child }) => descendantsOf(child.pid!));
    assert.ok(family.length >= 3);
    assert.equal((await pipeline.recorder.stop()).code, 0);
    assert.equal((await pipeline.follower.stop()).code, 0);
    assert.deepEqual(
      family.filter((pid) => commandOf(pid) !== ""),
      [],
    );
  });

  const entriesSince = async (microseconds: number): Promise<readonly Stored[]> =>
    (await pipeline.entries("namespace")).filter(({ stored }) => stored >= microseconds);

  /** When the journal had the entry of that network's namespace, in milliseconds since the epoch. */
  async function stateOf(networkId: string, state: "up" | "down"): Promise<number> {
    const isIt = (one: Stored) => one.state === state && networkId.startsWith(one.networkId ?? "-");
    const found = await until(
      async () => (await pipeline.entries("namespace")).findLast(isIt),
      10_000,
      () => new Error(`no ${state} of ${networkId}\n${pipeline.words()}`),
    );
    return found.stored / 1000;
  }

  async function backTo(before: readonly string[]): Promise<void> {
    await until(
      () => (holdings(pipeline).join("\n") === before.join("\n") ? true : undefined),
      5_000,
      () => new Error(`was:\n${before.join("\n")}\nis:\n${holdings(pipeline).join("\n")}`),
    );
  }
});

const list = (all: readonly number[]): string => all.map((ms) => (ms / 1000).toFixed(1)).join(" ");

/** What the recorder holds: its `ip`, how many files of which kind, and mounts of its own. */
function holdings({ recorder }: Pipeline): readonly string[] {
  const pid = recorder.child.pid!;
  const files = openFiles(pid);
  return [
    `${childrenOf(pid).length} children`,
    ...[...new Set(files)].toSorted().map((kind) => `${files.filter((one) => one === kind).length} ${kind}`),
  ];
}

/** Namespaces of overlays on the host: what is mounted there. Docker leaves the bare file for a minute. */
function overlaysOf(host: LabHost): readonly string[] {
  const mounts = readFileSync(`/proc/${host.pid}/mountinfo`, "utf8").matchAll(
    / (\S*\/docker\/netns\/(\d+-[0-9a-f]+)) .* nsfs /gu,
  );
  return [...new Set(Array.from(mounts, ([, , file = ""]) => file))];
}

/** The moment at which one comes that was not there; looks every 5 ms. */
async function namespaceAppears(host: LabHost): Promise<number> {
  const before = new Set(overlaysOf(host));
  return watchUntil(() => overlaysOf(host).some((file) => !before.has(file)));
}

async function namespaceVanishes(host: LabHost, networkId: string): Promise<number> {
  return watchUntil(() => !overlaysOf(host).some((file) => networkId.startsWith(file.slice(file.indexOf("-") + 1))));
}

async function watchUntil(ready: () => boolean): Promise<number> {
  for (const end = Date.now() + 30_000; Date.now() < end;) {
    if (ready()) return Date.now();
    await pause(5);
  }
  throw new Error("no change in the folder of namespaces in 30 s");
}

const mountsIn = (pid: number): number => readFileSync(`/proc/${pid}/mountinfo`, "utf8").split("\n").length;
