import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { figure, isFull, sized } from "../../accept/length.ts";
import { until } from "../../host/until.ts";
import { isRoot, needs } from "../../needs.ts";
import { type FollowerProgram, followerProgram } from "./follower-program.ts";
import { type PrivateJournal, privateJournal } from "./private-journal.ts";
import { MadeUpRecorder } from "./recorder.ts";

const kills = sized(30, 3);

describe("pipelines/follow, killed", function () {
  this.timeout(20_000 + kills * 8000);
  let journal: PrivateJournal;
  let follower: FollowerProgram;

  before(function () {
    needs(this, "root", isRoot());
    needs(this, "systemd-journald", existsSync("/lib/systemd/systemd-journald"));
  });

  beforeEach(async () => {
    journal = await privateJournal();
    follower = await followerProgram(journal);
    follower.start();
    await until("the first checkpoint", () => existsSync(join(follower.stateDir, "pipeline-checkpoint.json")), 10_000);
  });

  afterEach(async () => {
    await follower.close();
    await journal.close();
  });

  /** 500 events a second until told to end; gives how many there were. */
  function writing(): { readonly end: () => Promise<number> } {
    const recorder = new MadeUpRecorder();
    const stop = new AbortController();
    const work = async () => {
      for (; !stop.signal.aborted; await sleep(20)) await journal.write(recorder.events(10));
      await journal.write([recorder.entry("heartbeat")]);
      return recorder.total;
    };
    const done = work();
    return {
      end: () => {
        stop.abort();
        return done;
      },
    };
  }

  const counted = () => follower.sum("netlink.events") + follower.sum("netlink.lost");

  it(`${kills} times at random, counts no event twice and misses none but those that it calls ambiguous`, async () => {
    const writer = writing();
    for (let n = 0; n < kills; n++) {
      // Half of the lives are long enough to come to a send.
      await sleep(800 + Math.random() * 3000);
      await follower.kill("SIGKILL");
      await sleep(Math.random() * 500);
      follower.start();
    }
    const written = await writer.end();
    const all = () => counted() + follower.sum("pipeline.ambiguous");
    await until(`all are counted: ${all()} of ${written}`, () => all() >= written, 20_000);
    await sleep(1500);
    assert.ok(counted() <= written, `${counted()} of ${written}`);
    assert.ok(all() >= written);
    assert.equal(follower.sum("netlink.lost"), 0);
    figure(
      `${kills} kills of the follower: ${written} written, ${counted()} counted, ${follower.sum("pipeline.ambiguous")} ambiguous`,
    );
  });

  it(`counted and lost are what was written, with journald killed ${kills} times at random`, async () => {
    const writer = writing();
    for (let n = 0; n < kills; n++) {
      await sleep(500 + Math.random() * 1500);
      await journal.restart("SIGKILL");
    }
    await sleep(500);
    const written = await writer.end();
    await until(`all are counted: ${counted()} of ${written}; ${follower.err()}`, () => counted() >= written, 20_000);
    await sleep(1500);
    assert.equal(counted(), written);
    // A kill may fall between two entries; of many, not all do.
    if (isFull()) assert.ok(follower.sum("netlink.lost") > 0);
    figure(`${kills} kills of journald: ${written} written, ${follower.sum("netlink.lost")} of them lost, all told`);
  });
});
