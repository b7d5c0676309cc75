import assert from "node:assert/strict";
import { endpointOf, loss } from "../../lab/cluster.ts";
import type { LabHost } from "../../lab/host.ts";
import { testedEngines } from "../../overlay/engine.ts";
import { strategies, type Strategy } from "../../overlay/remedy/plan.ts";
import { useLab } from "../lab/fixture.ts";
import { figure, sized } from "./length.ts";
import { endAll } from "./program.ts";
import { Treatment } from "./treatment.ts";

/**
 * The table that decides what may be healed unattended, measured anew: every strategy on every engine, against the outage of
 * moby#29024, whose rows are written by hand where the engine does not. Rows of other hosts: remote.test.ts.
 */
for (const { version: engine, driver, heals } of sized(testedEngines, testedEngines.slice(1, 2))) {
  describe(`accept: what heals on engine ${engine}, ${driver}`, function () {
    this.timeout(sized(400_000, 120_000));
    const lab = useLab({ driver, engine });
    let host: LabHost;
    let here: Treatment;

    before("host", () => {
      host = lab().host(1);
      here = new Treatment(lab(), host);
    });
    afterEach(() => endAll());
    after("end", async () => {
      await lab().mend({ host: 1 });
      here.forget();
    });

    /** Loss in percent after it, at once; and what the program says of it. */
    async function tried(strategy: Strategy) {
      await lab().break({ host: 1 });
      const seen = await here.doctor();
      assert.equal(seen.code, 1, seen.out);
      const { code, json, out } = await here.cleanup("--apply", "--strategy", strategy);
      const { IPAddress: to } = await endpointOf(host, "B1");
      const lost = await loss(host, "A1", to);
      if (json.undo !== null) await here.at("undo", json.undo);
      await lab().mend({ host: 1 });
      return { strategy, code, lost, out };
    }

    it("heals by what the table says and by nothing else, and says so by its exit code", async () => {
      const wanted: readonly string[] = heals;
      const all = [];
      for (const strategy of sized<readonly Strategy[]>(strategies, ["pin", "arp"])) all.push(await tried(strategy));
      figure(
        `${engine} ${driver}: ${all.map(({ strategy, lost, code }) => `${strategy} ${lost} % (exit ${code})`).join(", ")}`,
      );
      for (const { strategy, lost, code, out } of all)
        assert.deepEqual(
          [strategy, lost, code],
          wanted.includes(strategy) ? [strategy, 0, 10] : [strategy, 100, 30],
          out,
        );
    });
  });
}
