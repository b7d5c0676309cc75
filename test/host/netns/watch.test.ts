import assert from "node:assert/strict";
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { watchFolder } from "../../../host/netns/watch.ts";
import { until } from "../until.ts";

describe("host/netns/watch", () => {
  let parent: string;
  let dir: string;
  let looks = 0;
  let end: (() => void) | undefined;
  const look = () => void looks++;
  const never = 1_000_000;

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), "overlaywatch-watch-"));
    dir = join(parent, "netns");
    looks = 0;
  });
  afterEach(() => {
    end?.();
    rmSync(parent, { recursive: true, force: true });
  });
  /** The echoes of what was before are over. */
  const quiet = async () => {
    await sleep(250);
    looks = 0;
  };

  it("tells soon of a new file, and again for the mount that follows it, without waiting for the poll", async () => {
    mkdirSync(dir);
    end = watchFolder(dir, look, never);
    await quiet();
    writeFileSync(join(dir, "1-aaaaaaaaaa"), "");
    await until("a look soon after", () => looks >= 1, 150);
    await until("looks for the mount", () => looks >= 3, 500);
  });

  it("looks some times for a burst of changes, not once for each", async () => {
    mkdirSync(dir);
    end = watchFolder(dir, look, never);
    await quiet();
    for (let index = 0; index < 1000; index++) writeFileSync(join(dir, String(index)), "");
    await sleep(300);
    assert.ok(looks >= 3 && looks <= 9, String(looks));
  });

  it("follows a folder that was not there, and one that was removed and made again", async () => {
    const pollMs = 400;
    end = watchFolder(dir, look, pollMs);
    for (let life = 0; life < 2; life++) {
      mkdirSync(dir);
      await sleep(pollMs * 1.6);
      looks = 0;
      writeFileSync(join(dir, "x"), "");
      // The poll alone would look once in that time.
      await until(`looks in life ${life}`, () => looks >= 3, 350);
      rmSync(dir, { recursive: true });
    }
  });

  it("says nothing more once it is ended", async () => {
    mkdirSync(dir);
    end = watchFolder(dir, look, 5);
    writeFileSync(join(dir, "x"), "");
    await sleep(5);
    end();
    looks = 0;
    writeFileSync(join(dir, "y"), "");
    await sleep(300);
    assert.equal(looks, 0);
  });
});
