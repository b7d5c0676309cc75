import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { takeLock } from "../../host/lock.ts";

const dir = mkdtempSync(join(tmpdir(), "overlaywatch-lock-"));
const path = join(dir, "deep", "lock");
const module = new URL("../../host/lock.js", import.meta.url).href;

/** Another process that takes the lock, says so and sleeps. */
async function holdElsewhere(): Promise<{ readonly kill: () => Promise<void> }> {
  const program = `import { takeLock } from ${JSON.stringify(module)};
    await takeLock(${JSON.stringify(path)}, { holder: "the other one" });
    console.log("held"); setTimeout(() => undefined, 60000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const kill = async (): Promise<void> => {
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGKILL");
    await ended;
  };
  return { kill };
}

describe("host: the lock", () => {
  after(() => rmSync(dir, { recursive: true, force: true }));

  it("is one's own until it is released, and tells who has it", async () => {
    const lock = await takeLock(path, { holder: "first\u001b[31m" });
    await assert.rejects(takeLock(path, { holder: "second" }), { name: "Locked", message: /held by first \[31m$/ });
    lock.release();
    lock.release();
    (await takeLock(path, { holder: "third" })).release();
    assert.equal(readFileSync(path, "utf8"), "third\n");
  });

  it("of a process that was killed blocks nobody", async () => {
    const other = await holdElsewhere();
    await assert.rejects(takeLock(path, { holder: "me" }), { name: "Locked", message: /held by the other one/ });
    await other.kill();
    (await takeLock(path, { holder: "me" })).release();
  });

  it("is waited for where that is wanted", async () => {
    const other = await holdElsewhere();
    const waiting = takeLock(path, { holder: "me", waitMs: 5000 });
    let left = false;
    setTimeout(() => {
      left = true;
      void other.kill();
    }, 100);
    (await waiting).release();
    assert.ok(left, "it was not given while another one had it");
  });

  it("is given to one of many that ask at the same moment", async () => {
    const asked = await Promise.allSettled(
      Array.from({ length: 12 }, (_, n) => takeLock(path, { holder: `number ${n}` })),
    );
    const got = asked.filter(({ status }) => status === "fulfilled");
    assert.equal(got.length, 1);
    for (const one of asked) if (one.status === "fulfilled") one.value.release();
  });

  it("that can not be had says why: a file where a folder belongs, a link", async () => {
    writeFileSync(join(dir, "file"), "");
    await assert.rejects(
      takeLock(join(dir, "file", "lock"), { holder: "me" }),
      /cannot open the lock .*ENOTDIR|EEXIST/,
    );
    symlinkSync(join(dir, "file"), join(dir, "link"));
    await assert.rejects(takeLock(join(dir, "link"), { holder: "me" }), /ELOOP/);
  });
});
