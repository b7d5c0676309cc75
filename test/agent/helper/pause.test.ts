import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { takeLock } from "../../../host/lock.ts";
import { isRoot, needs } from "../../needs.ts";
import { cli } from "../cli.ts";
import { useFolder } from "../folder.ts";
import { asked, request, trace } from "./helper-process.ts";

const hour = 3_600_000;

const line = (more: object): string => `${JSON.stringify({ v: 1, verb: "pause", trace, ...more })}\n`;

describe("agent/helper: the pause of a fleet, in a process of its own", function () {
  this.timeout(30_000);
  const folder = useFolder();
  const state = (): string => `${folder.path()}/state`;
  const file = (): string => `${state()}/remedy-limits.json`;
  const limits = (): unknown => JSON.parse(readFileSync(file(), "utf8"));
  const env = () => ({
    OVERLAYWATCH_DOCKER_SOCKET: `${folder.path()}/no.sock`,
    OVERLAYWATCH_PATHS_STATE_DIR: state(),
    OVERLAYWATCH_HELPER_CONFIG: `${folder.path()}/none.yaml`,
  });
  const pause = async (until: number, reason = "storm") => asked(line({ until, reason }), env());
  const own = async (...args: readonly string[]) => cli(["pause", ...args, "--state-dir", state()]);

  it("is kept beside the host's own, and goes without it", async function () {
    needs(this, "root", isRoot());
    const until = Date.now() + hour;
    await own("--for", "2h", "--reason", "own");
    const paused = await pause(until);
    assert.deepEqual([paused.code, paused.answer.verb], [0, "pause"]);
    assert.match(
      paused.answer.stops?.join("; ") ?? "",
      /^paused until .*: own; .*; the whole fleet is paused until .*: storm; /u,
    );
    assert.match(paused.err, new RegExp(`^trace ${trace}: pause: the whole fleet is paused until .*: storm; `, "u"));
    assert.match((await own()).out, /^paused until .*: own; .*\nthe whole fleet is paused until .*: storm; /u);
    await asked(request("resume"), env());
    assert.match((await own()).out, /^paused until .*: own; .*lifts it\n$/u);
    await pause(until);
    await own("--off");
    assert.equal((await own()).out, "Not paused.\n");
    const again = await pause(until);
    assert.deepEqual(again.answer.stops, [], "a person on this host has lifted it");
    assert.equal((await pause(until + 1)).answer.stops?.length, 1, "another one is another one");
    const heal = await asked(request("heal"), env());
    assert.deepEqual(
      heal.answer.result?.refused.map(({ rule }) => rule),
      ["pause"],
    );
    assert.deepEqual((await asked(request("resume"), env())).answer.stops, []);
  });

  it("is taken in its bounds only, and by its own verb", async () => {
    const until = Date.now() + hour;
    const wrong: readonly (readonly [object, RegExp])[] = [
      [{}, /until: expected milliseconds/u],
      [{ until }, /reason: expected 1 to 200 printable characters/u],
      [{ until: String(until), reason: "r" }, /until: expected milliseconds/u],
      [{ until: until + 0.5, reason: "r" }, /until: expected milliseconds/u],
      [{ until: Date.now() - 60_000, reason: "r" }, /until: over 6\d s ago, by the clock of this host/u],
      [{ until: Date.now() + 7 * 24 * hour + 6 * 60_000, reason: "r" }, /until: 7 days from now at most/u],
      [{ until, reason: "" }, /reason/u],
      [{ until, reason: "  " }, /reason/u],
      [{ until, reason: "r".repeat(201) }, /reason/u],
      [{ until, reason: "a\nb" }, /reason/u],
      [{ until, reason: "a\u001b[2Jb" }, /reason/u],
      [{ until, reason: "a\u202eb" }, /reason/u],
      [{ until, reason: ["r"] }, /reason/u],
      [{ until, reason: "r", by: "x" }, /a request has v, verb, trace, until, reason, and nothing else/u],
      [{ verb: "resume", until, reason: "r" }, /a request has v, verb, trace, and nothing else/u],
      [{ verb: "heal", until }, /nothing else/u],
    ];
    for (const [more, message] of wrong) {
      const { code, answer } = await asked(line(more), env());
      assert.equal(code, 65, JSON.stringify(more));
      assert.match(answer.error?.message ?? "", message);
    }
    assert.ok(!existsSync(file()), "nothing was kept");
  });

  it("waits for who is at work, and is not kept over limits that can not be read", async () => {
    const until = Date.now() + hour;
    const lock = await takeLock(`${state()}/remedy.lock`, { holder: "test" });
    const asking = pause(until);
    await sleep(1500);
    assert.ok(!existsSync(file()));
    lock.release();
    assert.equal((await asking).answer.stops?.length, 1);
    assert.deepEqual(limits(), { version: 1, heals: [], fleet: { until, reason: "storm" } });
    writeFileSync(file(), '{"version":9}');
    const { code, answer } = await pause(until);
    assert.deepEqual([code, answer.error?.code], [70, 70]);
    assert.equal(readFileSync(file(), "utf8"), '{"version":9}');
  });
});
