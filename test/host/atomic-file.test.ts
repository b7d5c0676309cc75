import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { atomicFile, markBeside } from "../../host/atomic-file.ts";

describe("host/atomic-file", () => {
  let folder: string;
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "overlaywatch-atomic-"))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("reads back what was written, makes the folder, and leaves nothing beside", async () => {
    const file = atomicFile(join(folder, "a/b/state.json"));
    assert.equal(await file.read(), undefined);
    await file.write("one\u0000é");
    await file.write("two");
    assert.equal(await file.read(), "two");
    assert.deepEqual(readdirSync(join(folder, "a/b")), ["state.json"]);
  });

  it("moves a bad file aside, over an earlier one", async () => {
    const file = atomicFile(join(folder, "state"));
    for (const text of ["first", "second"]) {
      await file.write(text);
      assert.equal(await file.setAside(), join(folder, "state.bad"));
      assert.equal(readFileSync(join(folder, "state.bad"), "utf8"), text);
      assert.equal(await file.read(), undefined);
    }
  });

  it("says what it attempted, on what, and what came back", async () => {
    mkdirSync(join(folder, "state"));
    const file = atomicFile(join(folder, "state"));
    await assert.rejects(file.read(), /cannot read .*state: EISDIR/u);
    await assert.rejects(file.write("x"), /cannot write .*state: /u);
    writeFileSync(join(folder, "file"), "");
    await assert.rejects(
      atomicFile(join(folder, "file/below")).write("x"),
      /cannot write .*below: (?:ENOTDIR|EEXIST)/u,
    );
  });

  it("is whole after SIGKILL at any moment", async function () {
    this.timeout(20_000);
    const path = join(folder, "state");
    const program = `import { atomicFile } from ${JSON.stringify(new URL("../../host/atomic-file.js", import.meta.url).href)};
      const file = atomicFile(${JSON.stringify(path)});
      for (let n = 0; ; n++) await file.write(JSON.stringify({ n, text: "x".repeat(100_000), end: n }));`;
    for (let round = 0; round < 5; round++) {
      const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: "ignore" });
      await sleep(250 + Math.random() * 150);
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
      const text = await atomicFile(path).read();
      if (text === undefined) continue;
      assert.match(text, /^\{"n":(\d+),"text":"x{100000}","end":\1\}$/u);
    }
  });

  it("keeps one mark, which the next process reads", async () => {
    const path = join(folder, "state");
    const mark = markBeside(path);
    assert.equal(await mark.read(), undefined);
    mark.set("sending-1");
    mark.set("sent-1");
    assert.deepEqual(readdirSync(folder), ["state@sent-1"]);
    const next = markBeside(path);
    assert.equal(await next.read(), "sent-1");
    next.set("sending-2");
    assert.deepEqual(readdirSync(folder), ["state@sending-2"]);
  });

  it("trusts no mark where there are two, and removes them", async () => {
    writeFileSync(join(folder, "state@a"), "");
    writeFileSync(join(folder, "state@b"), "");
    assert.equal(await markBeside(join(folder, "state")).read(), undefined);
    assert.deepEqual(readdirSync(folder), []);
  });
});
