import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createConnection } from "node:net";
import { mkdtempSync, rmSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { groupId } from "../../host/group.ts";
import { serveGroup, spawnOn } from "../../host/privileged-socket.ts";
import { isRoot, needs } from "../needs.ts";
import { until } from "./until.ts";

describe("host/privileged-socket", () => {
  let folder = "";
  before("needs root", function () {
    needs(this, "root", isRoot());
    folder = mkdtempSync(join(tmpdir(), "ow-privileged-"));
  });
  after(() => {
    if (folder !== "") rmSync(folder, { recursive: true });
  });

  /** What a program answers on a connection of its own, and how it ended. */
  async function run(argv: readonly [string, ...string[]], killAfterMs: number) {
    const path = join(folder, "s.sock");
    let ended: Promise<string> | undefined;
    const server = await serveGroup(path, { groupId: 0, maxConnections: 1 }, (socket) => {
      ended = spawnOn(socket, { argv, env: { WORD: "told" }, killAfterMs });
    });
    const socket = createConnection({ path, allowHalfOpen: true });
    const said = await text(socket);
    socket.destroy();
    await server.close();
    return { said, how: await ended };
  }

  it("gives a connection to a program, as its stdin and stdout, with the settings that it is told and no others", async () => {
    const { said, how } = await run(
      ["/bin/sh", "-c", "echo $WORD; env | cut -d= -f1 | sort | tr '\\n' ' '; exit 3"],
      5000,
    );
    assert.equal(how, "exit code 3");
    assert.match(said, /^told\nLC_ALL (?:NODE_V8_COVERAGE )?(?:OLDPWD )?PATH PWD (?:SHLVL )?TZ WORD (?:_ )?$/u);
  });

  it("ends it after its time, with all that it started", async () => {
    const began = performance.now();
    const { said, how } = await run(["/bin/sh", "-c", "sleep 60 & echo $!; trap '' TERM; wait"], 500);
    assert.equal(how, "killed by SIGKILL");
    assert.ok(performance.now() - began < 20_000);
    const pid = Number(said);
    assert.ok(pid > 0, said);
    // It may be a zombie until somebody asks for it.
    const isGone = (): boolean =>
      !existsSync(`/proc/${pid}`) || /^State:\s+Z/mu.test(readFileSync(`/proc/${pid}/status`, "utf8"));
    await until("its child has ended", isGone);
  });

  it("tells of a program that is not there", async () => {
    const { how } = await run([join(folder, "not-there")], 5000);
    assert.match(how ?? "", /exit code 127/u);
  });
});

describe("host/group", () => {
  it("knows root's group, and none that is not there", () => {
    assert.equal(groupId("root"), 0);
    for (const name of ["no-such-group", "", "root:x", "ro"]) assert.equal(groupId(name), undefined);
  });
});
