import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { localHandOver } from "../../../dispatch/local/hand-over.ts";
import { decodeLines } from "../../../dispatch/worker/journal.ts";
import { isOver, type JobRecord } from "../../../dispatch/worker/record.ts";
import { figure, sized } from "../../accept/length.ts";
import { endAll, here, type Program } from "../../accept/program.ts";
import { until } from "../../emit/dogstatsd/listening.ts";
import { isRoot, needs } from "../../needs.ts";
import { HelperServer } from "./helper-server.ts";
import { host, jobOf } from "./made.ts";

const over = (record: JobRecord | undefined): boolean => record !== undefined && isOver(record);

describe("dispatch/worker: killed at any moment", function () {
  this.timeout(sized(900_000, 60_000));
  let folder = "";
  let helper: HelperServer;

  before(function () {
    needs(this, "root, whose the helper's socket has to be", isRoot());
  });
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "ow-killed-"));
    helper = new HelperServer(3, 60);
    await helper.listen(join(folder, "helper", "h.sock"));
  });
  afterEach(async () => {
    endAll();
    await helper.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const journal = (): ReadonlyMap<string, JobRecord> => {
    const text = readFileSync(join(folder, "worker-jobs.jsonl"), "utf8");
    return decodeLines(text.slice(0, text.lastIndexOf("\n")).split("\n"), "journal");
  };

  it("brings every job that was accepted to its end, and does nothing twice", async () => {
    const kills = sized(100, 5);
    writeFileSync(join(folder, "worker-proved.json"), JSON.stringify({ v: 1, host, at: 1 }));
    const start = (): Program =>
      here(["worker", "--mode", "auto", "--state-dir", folder], {
        OVERLAYWATCH_WORKER_HOSTNAME: host,
        OVERLAYWATCH_WORKER_DATADOG_CONFIG: join(folder, "none"),
        OVERLAYWATCH_WORKER_JOBS_SOCKET: join(folder, "jobs.sock"),
        OVERLAYWATCH_WORKER_CONTROL_SOCKET: join(folder, "control.sock"),
        OVERLAYWATCH_WORKER_HELPER_SOCKET: join(folder, "helper", "h.sock"),
        // A look after a cure would take the next fault, which comes at once, for the same.
        OVERLAYWATCH_WORKER_RECHECKS: "",
        OVERLAYWATCH_SINKS_ENABLED: "none",
      });
    const offers = localHandOver(join(folder, "jobs.sock"));
    const acceptedIds = new Set<string>();
    const stop = new AbortController();
    let [worker, sent] = [start(), 0];
    const offering = (async () => {
      while (!stop.signal.aborted) {
        const job = jobOf(`job ${sent++}`, Date.now(), { own: false });
        // As Datadog does with a 503: the very same once more.
        for (let answer = ""; answer === "" && !stop.signal.aborted;) {
          answer = await offers.offer(job).then(
            (receipt) => receipt.answer,
            () => "",
          );
          if (answer === "accepted" || answer === "duplicate") acceptedIds.add(job.id);
          await sleep(15);
        }
      }
    })();
    for (let n = 0; n < kills; n++) {
      const before = acceptedIds.size;
      await until(() => acceptedIds.size > before, `a job after ${n} deaths: ${worker.err()}`, 20_000);
      await sleep(Math.random() * 150);
      helper.faults++;
      worker.child.kill("SIGKILL");
      await worker.ended;
      worker = start();
    }
    stop.abort();
    await offering;
    const ended = (id: string): boolean => over(journal().get(id));
    await until(() => [...acceptedIds].every(ended), "an end for all", 60_000);
    // Several that waited have one cure, so there may be faults left: each has one more job.
    while (helper.faults > 0) {
      const job = jobOf(`left ${helper.faults}`, Date.now());
      assert.equal((await offers.offer(job)).answer, "accepted");
      acceptedIds.add(job.id);
      await until(() => ended(job.id), "an end", 20_000);
    }
    const { code } = await worker.stop();
    assert.equal(code, 0, worker.err());
    const all = journal();
    const states = new Map<string, number>();
    for (const id of acceptedIds)
      states.set(all.get(id)?.state ?? "lost", (states.get(all.get(id)?.state ?? "lost") ?? 0) + 1);
    figure(
      `${acceptedIds.size} jobs over ${kills} deaths: ${[...states].map(([state, n]) => `${n} ${state}`).join(", ")}`,
    );
    figure(
      `${[...all.values()].filter(({ interrupted }) => interrupted > 0).length} were interrupted, and judged afresh`,
    );
    assert.equal(helper.most, 1, "never two heals at once");
    assert.equal(
      [...helper.effects.values()].reduce((a, b) => a + b, 0),
      3 + kills,
      "each fault was healed once",
    );
    assert.ok(
      [...states.keys()].every((state) => ["healthy", "healed"].includes(state)),
      "ends",
    );
  });
});
