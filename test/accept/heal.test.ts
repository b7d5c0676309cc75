import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { addressOf, loss } from "../../lab/cluster.ts";
import type { LabHost } from "../../lab/host.ts";
import { pause, until } from "../../lab/process.ts";
import { undoFolder } from "../../host/undo-folder.ts";
import { fieldPrefix } from "../../pipelines/entry.ts";
import { useLab } from "../lab/fixture.ts";
import { figure, sized } from "./length.ts";
import { endAll, onHost, type Program, says } from "./program.ts";
import { Treatment } from "./treatment.ts";

describe("accept: run --heal", function () {
  this.timeout(sized(300_000, 120_000));
  const lab = useLab();
  let host: LabHost;
  let here: Treatment;
  let since: number;

  beforeEach(async () => {
    host = lab().host(1);
    here = new Treatment(lab(), host);
    await here.host.settle();
    since = Date.now() / 1000;
  });
  afterEach(async () => {
    endAll();
    await lab().unpin();
    await lab().mend();
    here.forget();
  });

  const agent = (mode: string): Program =>
    onHost(host, ["run", "overlay", "record", "--heal", mode, "--sink", "none", "--state-dir", here.state]);
  const noted = async (...match: readonly string[]): Promise<readonly string[]> => {
    const where = [`--since=@${since.toFixed(3)}`, "SYSLOG_IDENTIFIER=overlaywatch"];
    const all = match.map((one) => fieldPrefix + one);
    const { stdout } = await host.exec(["journalctl", "-q", "--no-pager", "-o", "cat", ...where, ...all]);
    return stdout.split("\n").filter((line) => line !== "");
  };
  const inJournal = async (what: string, ...match: readonly string[]): Promise<string> => {
    const first = async () => (await noted(...match))[0];
    return until(first, 15_000, () => new Error(`${what}: not in the journal`));
  };

  it("observe: says in the log and the journal what it would do, and changes nothing", async () => {
    const program = agent("observe");
    await lab().break();
    const before = await here.tables();
    await says(program, /heal: pin: planned; \d changes? for [AB]1 /, 20_000);
    assert.match(
      await inJournal("the plan", "KIND=remedy", "OUTCOME=planned"),
      /^pin: planned; \d changes? for [AB]1 /,
    );
    assert.match(await inJournal("the finding", "KIND=finding", "STATE=active"), /on testnet: .* is active: /);
    // Not that the outage lasts: it may end by itself where somebody speaks, as who judges it does.
    await here.unwritten(before);
    assert.ok(!existsSync(join(here.state, "undo")), "nothing to undo");
    const { code, ms } = await program.stop();
    assert.equal(code, 0, program.err());
    assert.ok(ms < 2000, `ended after ${ms} ms`);
  });

  it("auto: heals what the recorder sees, and keeps it in the journal", async () => {
    const program = agent("auto");
    await says(program, /./u, 1).catch(() => undefined);
    await pause(3000);
    const broken = await lab().break();
    const to = await addressOf(host, "B1");
    await until(
      async () => ((await loss(host, "A1", to)) === 0 ? true : undefined),
      20_000,
      () => new Error(`not healed: ${program.err()}`),
    );
    figure(`an outage was healed by itself within ${((Date.now() - broken) / 1000).toFixed(1)} s`);
    assert.match(
      await inJournal("the cure", "KIND=remedy", "OUTCOME=cured"),
      /loss 100 % before, 0 % after; undo file /,
    );
    assert.equal((await here.pins()).length, 2);
    assert.equal((await program.stop()).code, 0, program.err());
    assert.equal((await noted("KIND=remedy", "OUTCOME=cured")).length, 1, "once");
  });

  it("auto: a pin comes back with the veth of a container that starts again or is created anew, and outlives none", async () => {
    const [p1, p2] = [
      { network: "testnet", ip: "10.0.0.201" },
      { network: "testnet", ip: "10.0.0.202" },
    ];
    await host.run("P1", p1);
    await host.run("P2", p2);
    const program = agent("auto");
    try {
      await pause(2000);
      await lab().break({ host: 1, a: "P1", b: "P2" });
      await pinned(program, 2);
      // A restart before it has proved the cure would be its end: pins are there a second earlier.
      await says(program, /heal: pin: cured/u);
      const times: number[] = [];
      const comesBack = async (again: () => Promise<unknown>): Promise<void> => {
        await again();
        const began = Date.now();
        assert.equal((await here.pins()).length, 1, "no pin outlives its veth");
        await pinned(program, 2);
        times.push(Date.now() - began);
        assert.equal(await loss(host, "P1", p2.ip), 0);
      };
      await comesBack(async () => host.exec(["docker", "restart", "-t", "0", "P2"]));
      await comesBack(async () => {
        await host.rm("P2");
        await host.run("P2", p2);
      });
      figure(`pinned again ${times.map((ms) => (ms / 1000).toFixed(1)).join(" and ")} s after it was there again`);
      assert.equal((await program.stop()).code, 0, program.err());
    } finally {
      endAll();
      await lab().unpin({ host: 1, a: "P1", b: "P2" });
      for (const name of ["P1", "P2"]) await host.rm(name);
    }
  });

  it("auto: what was pinned moves to the other host and back, is reached there, and no pin stays", async () => {
    const [other, p1, p2] = [
      lab().host(2),
      { network: "testnet", ip: "10.0.0.211" },
      { network: "testnet", ip: "10.0.0.212" },
    ];
    await host.run("Q1", p1);
    await host.run("Q2", p2);
    // The first ARP exchange: the engine itself writes rows for both, and forgets them when they leave.
    for (const [from, to] of [["Q1", p2.ip] as const, ["Q2", p1.ip] as const])
      assert.equal(await loss(host, from, to), 0);
    const program = agent("auto");
    try {
      await pause(2000);
      await lab().break({ host: 1, a: "Q1", b: "Q2" });
      await pinned(program, 2);
      await says(program, /heal: pin: cured/u);
      // Which `break` made permanent: a container asks again for who does not answer.
      await host.inNetworkOf("Q1", ["ip", "neigh", "flush", "dev", "eth0"]);
      const times: number[] = [];
      const reached = async (): Promise<void> => {
        const began = Date.now();
        await until(
          async () => ((await loss(host, "Q1", p2.ip)) === 0 ? true : undefined),
          60_000,
          () => new Error(`Q2 is not reached: ${program.err()}`),
        );
        times.push(Date.now() - began);
      };
      assert.equal(await loss(host, "Q1", p2.ip), 0);
      for (let round = 0; round < sized(5, 1); round++) {
        await host.rm("Q2");
        await other.run("Q2", p2);
        await reached();
        assert.equal((await here.pins()).length, 1, "no pin outlives its veth");
        await other.rm("Q2");
        await host.run("Q2", p2);
        await reached();
        // So that the engine writes rows for both once more.
        for (const name of ["Q1", "Q2"]) await host.inNetworkOf(name, ["ip", "neigh", "flush", "dev", "eth0"]);
        for (const [from, to] of [["Q2", p1.ip] as const, ["Q1", p2.ip] as const]) await loss(host, from, to);
      }
      const there = times.filter((_, at) => at % 2 === 0).map((ms) => (ms / 1000).toFixed(1));
      const back = times.filter((_, at) => at % 2 === 1).map((ms) => (ms / 1000).toFixed(1));
      figure(`moved: reached after ${there.join(" ")} s; and back: ${back.join(" ")} s`);
      const before = readdirSync(join(here.state, "undo")).length;
      await host.rm("Q2");
      await pause(sized(60_000, 12_000));
      const tries = readdirSync(join(here.state, "undo")).length - before;
      figure(`gone for good: its rows were taken away ${tries} times`);
      assert.ok(tries <= 2, "not for ever");
      assert.equal((await program.stop()).code, 0, program.err());
    } finally {
      endAll();
      await lab()
        .unpin({ host: 1, a: "Q1", b: "Q2" })
        .catch(() => undefined);
      for (const name of ["Q1", "Q2"]) for (const one of [host, other]) await one.rm(name).catch(() => undefined);
    }
  });

  async function pinned(program: Program, count: number): Promise<void> {
    const undo = join(here.state, "undo");
    await until(
      // Written is not yet verified: who goes meanwhile is rightly "not there any more", and all is undone.
      async () =>
        (await here.pins()).length === count && (await undoFolder(undo).unfinished()).length === 0 ? true : undefined,
      20_000,
      () => new Error(`not ${count} pins: ${program.err()}`),
    );
  }
});
