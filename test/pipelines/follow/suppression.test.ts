import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { existsSync, mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { type Entry, fieldsOf } from "../../../pipelines/entry.ts";
import { until } from "../../host/until.ts";
import { isRoot, needs } from "../../needs.ts";
import { type FollowerProgram, followerProgram } from "./follower-program.ts";
import { datagram, type PrivateJournal, privateJournal } from "./private-journal.ts";
import { MadeUpRecorder } from "./recorder.ts";

/** Where systemd has its units: version 2, beside version 1, or version 1 alone. journald limits by unit, by a process's path there. */
const hierarchy = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"].find((folder) =>
  existsSync(`${folder}/cgroup.procs`),
);

describe("pipelines/follow, beside a journald that suppresses", function () {
  this.timeout(60_000);
  const unit = `${hierarchy}/overlaywatch-test-${process.pid}.service`;
  let writer: ChildProcessByStdio<Writable, Readable, null>;
  let journal: PrivateJournal;
  let follower: FollowerProgram;

  before(function () {
    needs(this, "root", isRoot());
    needs(this, "systemd-journald", existsSync("/lib/systemd/systemd-journald"));
    needs(this, "a cgroup hierarchy", hierarchy !== undefined);
  });

  beforeEach(async () => {
    mkdirSync(unit);
    journal = await privateJournal("RateLimitIntervalSec=4s\nRateLimitBurst=5\nRuntimeMaxUse=100M");
    follower = await followerProgram(journal);
    const joining = 'echo 0 >"$1"; shift; exec "$@"';
    const program = [process.execPath, `${import.meta.dirname}/write-lines.js`];
    const [first, ...args] = journal.inside("/bin/sh", "-ec", joining, "sh", `${unit}/cgroup.procs`, ...program);
    writer = spawn(first, args, { stdio: ["pipe", "pipe", "inherit"] });
  });

  afterEach(async () => {
    await follower.close();
    const ended = new Promise((resolve) => writer.once("exit", resolve));
    writer.kill("SIGKILL");
    await ended;
    await journal.close();
    rmdirSync(unit);
  });

  /** As a process of the unit, which lives on: journald asks for the unit of who sends. */
  async function write(entries: readonly Entry[]): Promise<void> {
    for (const entry of entries) {
      const sent = new Promise((resolve) => writer.stdout.once("data", resolve));
      writer.stdin.write(`${datagram({ MESSAGE: entry.message, ...fieldsOf(entry) }).toString("base64")}\n`);
      await sent;
    }
  }

  it("counts what was suppressed exactly, under its own cause", async () => {
    const recorder = new MadeUpRecorder();
    follower.start();
    await until("the first checkpoint", () => existsSync(join(follower.stateDir, "pipeline-checkpoint.json")));
    await write(recorder.events(100, { count: 3 }));
    await sleep(4500);
    await write([recorder.entry("heartbeat")]);
    const all = () => follower.sum("netlink.events") + follower.sum("netlink.lost");
    await until(`all are told: ${all()}`, () => all() >= 300, 10_000);
    assert.equal(all(), 300);
    assert.ok(follower.sum("netlink.lost", { cause: "suppressed" }) > 100);
    assert.equal(follower.sum("netlink.lost", { cause: "gap" }), 0);
  });
});
