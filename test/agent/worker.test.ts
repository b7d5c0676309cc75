import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openOwnTrigger } from "../../agent/own-trigger.ts";
import { loadConfig } from "../../agent/config/load.ts";
import { encodeLine } from "../../dispatch/worker/journal.ts";
import { serveJobs } from "../../dispatch/worker/serve.ts";
import type { Job } from "../../dispatch/job.ts";
import { endAll, here, type Program, says } from "../accept/program.ts";
import { recordOf } from "../dispatch/worker/made.ts";
import { until } from "../emit/dogstatsd/listening.ts";
import { useFolder } from "./folder.ts";

describe("agent/worker", function () {
  this.timeout(30_000);
  const folder = useFolder();
  afterEach(endAll);

  const at = (file: string): string => join(folder.path(), file);
  const settings = (more: Readonly<Record<string, string>> = {}) => ({
    OVERLAYWATCH_WORKER_HOSTNAME: "web-1",
    OVERLAYWATCH_WORKER_DATADOG_CONFIG: at("datadog.yaml"),
    OVERLAYWATCH_WORKER_JOBS_SOCKET: at("jobs.sock"),
    OVERLAYWATCH_WORKER_CONTROL_SOCKET: at("control.sock"),
    OVERLAYWATCH_WORKER_HELPER_SOCKET: at("helper.sock"),
    OVERLAYWATCH_SINKS_ENABLED: "none",
    ...more,
  });
  const run = (args: readonly string[], more: Readonly<Record<string, string>> = {}): Program =>
    here([...args, "--state-dir", at("state")], settings(more));

  it("says at its start who it is and what it may do, is shown by status, and is the only one", async () => {
    const worker = run(["worker", "--mode", "approve"]);
    await says(
      worker,
      /mode approve; this host is web-1 \(by worker.hostname\); no page was seen to reach this host yet/u,
    );
    await says(worker, /nothing can be looked at or healed: the helper at \S+helper.sock: ENOENT/u);
    const status = run(["status"]);
    assert.equal(await status.ended, 0, status.err());
    assert.match(status.out(), /Worker \(web-1\)\n {2}approve; no page was seen .*\n {2}0 jobs have no end yet/u);
    const list = run(["approve"]);
    assert.equal(await list.ended, 0, list.err());
    assert.equal(list.out(), "Nothing waits for approval.\n");
    const none = run(["approve", "f".repeat(64)]);
    assert.equal(await none.ended, 1);
    assert.match(none.err(), /there is no such job/u);
    const second = run(["worker"]);
    assert.equal(await second.ended, 75);
    assert.match(second.err(), /held by worker, process \d+: two would do everything twice/u);
    assert.equal((await worker.stop()).code, 0, worker.err());
    assert.ok(!existsSync(at("jobs.sock")) && !existsSync(at("control.sock")));
    const gone = run(["approve"]);
    assert.equal(await gone.ended, 69);
    assert.match(gone.err(), /does `overlaywatch worker` run, and are you its user or root\?/u);
  });

  it("in mode auto acts as approve where its turn has not come, and says so", async () => {
    const worker = run(["worker", "--mode", "auto"], { OVERLAYWATCH_WORKER_AUTO_SHARE: "0" });
    await says(
      worker,
      /mode auto \(in force: approve, for worker\.auto_hosts and auto_share leave it out\); this host is web-1/u,
    );
    const status = run(["status"]);
    assert.equal(await status.ended, 0, status.err());
    assert.match(status.out(), /Worker \(web-1\)\n {2}auto, in force: approve; no page/u);
    assert.equal((await worker.stop()).code, 0, worker.err());
    const named = run(["worker", "--mode", "auto"], {
      OVERLAYWATCH_WORKER_AUTO_SHARE: "0",
      OVERLAYWATCH_WORKER_AUTO_HOSTS: "web-9,WEB-1",
    });
    await says(named, /mode auto; this host is web-1/u);
  });

  it("is not armed where two names differ, and starts with no journal that is damaged", async () => {
    folder.file("datadog.yaml", "hostname: web-2\n");
    const two = run(["worker"]);
    assert.equal(await two.ended, 78);
    assert.match(two.err(), /worker.hostname is web-1, and \S+datadog.yaml says web-2/u);
    rmSync(at("datadog.yaml"));
    mkdirSync(at("state"));
    const line = encodeLine(recordOf("a", 1));
    folder.file("state/worker-jobs.jsonl", `${line}\n${line.replace('"waiting"', '"healthy"')}\n${line}\n`);
    const damaged = run(["worker"]);
    assert.equal(await damaged.ended, 1);
    assert.match(damaged.err(), /worker-jobs.jsonl, line 2: it is damaged/u);
    folder.file("state/worker-jobs.jsonl", `${line}\n${line.slice(0, 100)}`);
    const torn = run(["worker"]);
    await says(torn, /its last 100 bytes were half a line[^]*1 jobs were left/u);
    assert.equal((await torn.stop()).code, 0, torn.err());
  });

  it("the own trigger: warns once while no worker is there, then offers one job for one fault", async () => {
    const { config } = loadConfig({ flags: [], env: settings() });
    const told: string[] = [];
    const log = {
      info: (text: string) => void told.push(text),
      warn: (text: string) => void told.push(`! ${text}`),
      error: assert.fail,
    };
    const trigger = openOwnTrigger({ config, host: "web-1", log });
    const jobs: Job[] = [];
    try {
      trigger.misplaced();
      await until(() => told.length >= 2, "two warnings");
      assert.ok(told.every((text) => text.startsWith("! heal: no receipt from the worker")));
      const server = await serveJobs(at("jobs.sock"), {
        offer: async (job) => {
          jobs.push(job);
          return { answer: "accepted", trace: job.trace };
        },
        withdraw: async () => assert.fail("nothing is withdrawn"),
      });
      await until(() => jobs.length > 0, "a job");
      for (let n = 0; n < 20; n++) {
        trigger.misplaced();
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      await server.close();
    } finally {
      await trigger.close();
    }
    assert.deepEqual(
      jobs.map(({ host, alert }) => [host, alert]),
      [["web-1", undefined]],
    );
    assert.equal(trigger.state().last?.outcome, "accepted");
  });
});
