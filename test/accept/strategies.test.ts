import assert from "node:assert/strict";
import { addressOf, loss } from "../../lab/cluster.ts";
import type { LabHost } from "../../lab/host.ts";
import { pause } from "../../lab/process.ts";
import { useLab } from "../lab/fixture.ts";
import { figure, isFull, sized } from "./length.ts";
import { endAll } from "./program.ts";
import { Treatment } from "./treatment.ts";

const trials = sized(5, 1);

interface Trial {
  readonly atOnce: number;
  readonly later: number;
  readonly control: number;
  readonly exit: number | undefined;
  readonly ms: number;
}

const told = ({ ms: _ms, ...rest }: Trial) => rest;

/** The table of docs/overlay.md: what each remedy does to an outage that is under way, beside one that is let alone. */
describe("accept: what heals an outage, and what does not", function () {
  this.timeout(sized(600_000, 120_000));
  const lab = useLab();
  let host: LabHost;
  let here: Treatment;
  /** Of a trial: a pin must be gone before the next outage can be made. */
  const undoes: string[] = [];

  beforeEach(() => {
    host = lab().host(1);
    here = new Treatment(lab(), host);
  });
  afterEach(async () => {
    endAll();
    here.forget();
    await lab().mend({ host: 2, a: "A2", b: "B2" });
  });

  // An engine that came back may have given them each other's address.
  const reached = async () => loss(host, "A1", await addressOf(host, "B1"));

  /** Breaks both hosts, treats the first one, and measures both: at once, and 3 s later. */
  async function tried(treat: () => Promise<number | undefined>): Promise<Trial> {
    await lab().break({ host: 1 });
    const control = async () => lab().loss("A2", "B2", 10);
    if ((await control()) < 100) await lab().break({ host: 2, a: "A2", b: "B2" });
    const began = performance.now();
    const exit = await treat();
    const ms = performance.now() - began;
    const atOnce = await reached();
    await pause(3000);
    return { atOnce, later: await reached(), control: await control(), exit, ms };
  }

  async function several(name: string, treat: () => Promise<number | undefined>): Promise<readonly Trial[]> {
    const all: Trial[] = [];
    for (let voided = 0; all.length < trials;) {
      const trial = await tried(treat);
      // An outage may end by itself when somebody else speaks: beside a control that did, a cure proves nothing.
      if (trial.control === 100) all.push(trial);
      else if (++voided > trials + 2) throw new Error(`${voided} controls healed by themselves`);
      for (const file of undoes.splice(0)) assert.equal((await here.at("undo", file)).code, 0);
      await lab().mend();
    }
    const seconds = all.map(({ ms }) => (ms / 1000).toFixed(1)).toSorted();
    figure(
      `${name}: lost at once / 3 s later / control: ${all.map((one) => `${one.atOnce}/${one.later}/${one.control}`).join(" ")}; ${seconds[0]} to ${seconds.at(-1)} s`,
    );
    return all;
  }

  const cured = { atOnce: 0, later: 0, control: 100, exit: 10 };

  for (const strategy of sized(["pin", "clean", "learning-off"], ["clean"])) {
    it(`${strategy} heals, ${trials} of ${trials}`, async () => {
      const all = await several(strategy, async () => {
        const { code, json } = await here.cleanup("--apply", "--strategy", strategy);
        assert.equal(code, 10, JSON.stringify(json));
        undoes.push(json.undo ?? "");
        return code;
      });
      assert.deepEqual(
        all.map(told),
        all.map(() => cured),
      );
    });
  }

  it(`arp does not heal, is undone, and ends 30, ${trials} of ${trials}`, async () => {
    const all = await several("arp", async () => {
      const before = await here.tables();
      const { code, json } = await here.cleanup("--apply", "--strategy", "arp");
      assert.deepEqual([json.verified, json.loss.every(({ after }) => after === 1)], [false, true]);
      await here.unwritten(before);
      return code;
    });
    assert.deepEqual(
      all.map(told),
      all.map(() => ({ atOnce: 100, later: 100, control: 100, exit: 30 })),
    );
  });

  if (!isFull()) return;

  it("restarting both containers, the seed's first cure, heals for now and takes its time", async () => {
    const all = await several("docker restart", async () => {
      for (const name of ["A1", "B1"]) await host.exec(["docker", "restart", "-t", "0", name]);
      return undefined;
    });
    assert.deepEqual(
      all.map(({ control }) => control),
      all.map(() => 100),
    );
  });

  it("nothing: it stays", async () => {
    const all = await several("nothing", async () => undefined);
    assert.deepEqual(
      all.map(({ atOnce, later }) => [atOnce, later]),
      all.map(() => [100, 100]),
    );
  });
});
