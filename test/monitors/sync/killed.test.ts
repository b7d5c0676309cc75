import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { markOf } from "../../../monitors/sync/mark.ts";
import { figure, sized } from "../../accept/length.ts";
import { here } from "../../accept/program.ts";
import { useFolder } from "../../agent/folder.ts";
import { useOrganisation } from "./organisation.ts";

describe("accept: monitors, with apply killed", () => {
  const { standin, kept } = useOrganisation();
  const { path, file } = useFolder();

  it("makes no duplicate, loses nothing, and the next apply finishes it", async () => {
    const config = file("config.yaml", "datadog:\n  webhook_url: https://heal.example.com/datadog\n");
    const { apiKey, appKey } = standin().organisations[0]!;
    const monitors = (...args: readonly string[]) =>
      here(["monitors", ...args, "--api-url", standin().url, "--config", config, "--state-dir", path()], {
        DD_API_KEY: apiKey,
        DD_APP_KEY: appKey,
      });
    const marks = () => kept("monitors").map((one) => markOf("monitor", one));
    const rounds = sized(40, 4);
    let within = 0;
    for (let round = 0; round < rounds; round++) {
      const before = standin().requests().length;
      const run = monitors(round % 3 === 2 ? "destroy" : "apply");
      // From the first request on: a moment within its writes.
      while (standin().requests().length === before) await sleep(2);
      await sleep(Math.random() * 250);
      if ((await run.stop("SIGKILL")).code === -1) within++;
      assert.equal(new Set(marks()).size, marks().length, `a duplicate after round ${round}: ${marks().join()}`);
      assert.ok(kept("dashboards").length <= 1 && kept("webhooks").length <= 1);
    }
    figure(`${rounds} runs, ${within} of them killed while they worked`);
    const last = monitors("apply", "--recreate");
    assert.equal(await last.ended, 0, last.err());
    assert.equal(await monitors("plan").ended, 0);
    assert.deepEqual([kept("monitors").length, kept("dashboards").length, kept("webhooks").length], [16, 1, 1]);
  }).timeout(sized(300_000, 60_000));
});
