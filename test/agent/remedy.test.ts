import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { takeLock } from "../../host/lock.ts";
import { cleanupText, nothingDone, typed } from "../../agent/remedy/outcome.ts";
import { shellLine } from "../../host/shell-line.ts";
import { isRoot, needs } from "../needs.ts";
import { cli, type Ended } from "./cli.ts";
import { useFolder } from "./folder.ts";

describe("agent: cleanup, undo and pause", () => {
  const { path, file } = useFolder();
  const at = async (...args: readonly string[]): Promise<Ended> =>
    cli([...args, "--state-dir", join(path(), "state"), "--docker-socket", join(path(), "no.sock")]);

  it("refuses bad usage, naming what is known, and does nothing", async () => {
    const refused: readonly [args: readonly string[], says: RegExp][] = [
      [["cleanup", "--strategy", "pni"], /pni: expected one of pin, clean, arp, learning-off; did you mean pin\?/],
      [["cleanup", "testnet"], /testnet: this command takes only options/],
      [["undo"], /the file that a cleanup named is missing/],
      [["undo", "a", "b"], /one file at a time, not also b/],
      [["pause", "--for", "2h"], /--reason is missing/],
      [["pause", "--for", "2h", "--reason", " "], /--reason is missing/],
      [["pause", "--for", "soon", "--reason", "x"], /--for soon: expected a duration/],
      [["pause", "--for", "2h", "--off"], /one of them/],
      [["pause", "--reason", "x"], /for how long/],
    ];
    for (const [args, says] of refused) {
      const { code, err } = await at(...args);
      assert.equal(code, 64, err);
      assert.match(err, says);
    }
    assert.ok(!existsSync(join(path(), "state")));
  });

  it("says 69 and writes nothing where Docker does not answer", async function () {
    needs(this, "root", isRoot());
    const ended = await at("cleanup", "--apply", "--json");
    assert.equal(ended.code, 69);
    assert.match(JSON.stringify(JSON.parse(ended.out)), /"outcome":"unavailable".*no\.sock/);
    assert.ok(!existsSync(join(path(), "state", "undo")));
  });

  it("a pause is kept, tells itself, stops a cleanup before it looks, and is lifted", async function () {
    needs(this, "root", isRoot());
    assert.match((await at("pause")).out, /^Not paused/);
    assert.equal((await at("pause", "--for", "2h", "--reason", "night\u001b[31m")).code, 0);
    assert.match((await at("pause")).out, /^paused until .*: night \[31m; `overlaywatch pause --off` lifts it\n$/);
    const stopped = await at("cleanup", "--apply", "--json");
    assert.equal(stopped.code, 20);
    assert.match(stopped.out, /"rule":\s*"pause"/);
    assert.equal((await at("pause", "--forever", "--reason", "audit")).code, 0);
    assert.match((await at("cleanup", "--apply")).out, /refused \(kill-switch\): switched off since .*: audit/);
    assert.match((await at("pause", "--off")).out, /^Not paused/);
    assert.equal((await at("cleanup", "--apply")).code, 69);
  });

  it("the configuration's switch binds everybody", async function () {
    needs(this, "root", isRoot());
    const config = file("config.yaml", "remedy:\n  enabled: false\n");
    const { code, out } = await at("cleanup", "--apply", "--config", config);
    assert.equal(code, 20);
    assert.match(out, /remedy\.enabled is false/);
  });

  it("limits that can not be read are no limits: nothing is healed", async function () {
    needs(this, "root", isRoot());
    mkdirSync(join(path(), "state"));
    const damaged = join(path(), "state", "remedy-limits.json");
    writeFileSync(damaged, "{");
    const { code, out } = await at("cleanup", "--apply");
    assert.equal(code, 20);
    assert.match(out, /refused \(limits\): not JSON/);
    assert.equal(readFileSync(damaged, "utf8"), "{");
  });

  it("says 75 and who has the lock, in cleanup, undo", async function () {
    this.timeout(20_000);
    needs(this, "root", isRoot());
    const lock = await takeLock(join(path(), "state", "remedy.lock"), { holder: "somebody else" });
    try {
      for (const args of [
        ["cleanup", "--apply"],
        ["undo", "x.json"],
      ]) {
        const { code, out } = await at(...args);
        assert.equal(code, 75);
        assert.match(out, /held by somebody else/);
      }
    } finally {
      lock.release();
    }
  });

  it("undo takes no other file than one of ours", async function () {
    needs(this, "root", isRoot());
    for (const text of ["", "{}", '{"version":1}', "#!/bin/sh"]) {
      const { code, out } = await at("undo", file("note.json", text));
      assert.equal(code, 20);
      assert.match(out, /note\.json is no undo file that can be used/);
    }
    assert.equal((await at("undo", join(path(), "none.json"))).code, 20);
  });

  it("undo of a namespace that is gone has nothing to do", async function () {
    needs(this, "root", isRoot());
    const entry = {
      container: "A1",
      mac: "02:42:0a:00:00:02",
      change: { kind: "pin", mac: "02:42:0a:00:00:02", dev: "veth0", ifindex: 7 },
      before: null,
    };
    const namespaces = [{ file: "1-0123456789", key: "1@1", network: "n", entries: [entry] }];
    const note = { version: 1, createdAt: 0, host: "h", strategy: "pin", ownVteps: [], namespaces };
    const { code, out } = await at("undo", file("x.unfinished.json", JSON.stringify(note)), "--netns-dir", path());
    assert.equal(code, 0, out);
    assert.match(out, /1-0123456789 is gone or made anew/);
    assert.ok(existsSync(join(path(), "x.json")), "it is not told of as unfinished any more");
  });

  it("prints commands that a shell takes as they are meant", () => {
    const argv = typed("/run/a b/it's", ["bridge", "fdb", "show"]);
    assert.equal(shellLine(argv), `nsenter '--net=/run/a b/it'\\''s' bridge fdb show`);
    assert.throws(() => typed("/x", ["ip", "a\0b"]), /not an argument/);
    const command = ["nsenter", "--net=/n", "bridge", "fdb", "show"];
    const action = {
      command,
      reason: "r",
      class: "self-loop",
      result: "planned",
      ip: "10.0.0.2",
      mac: "m",
      container: "evil\n\u001b[31mname",
      network: "n",
      netns: "f",
    };
    const text = cleanupText({ ...nothingDone, outcome: "planned", strategy: "pin", actions: [action, action] });
    assert.deepEqual(text.split("\n").slice(1), [
      "# evil [31mname 10.0.0.2 m",
      "nsenter --net=/n bridge fdb show  # r",
      "nsenter --net=/n bridge fdb show  # r",
      "",
    ]);
  });
});
