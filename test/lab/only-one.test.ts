import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onlyOne, Taken } from "../../lab/only-one.ts";
import { pause } from "../../lab/process.ts";

describe("lab: a lock that leaves no file", function () {
  this.timeout(30_000);
  let top: string;
  let path: string;

  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), "ow-only-"));
    path = join(top, "locks", "one.lock");
  });
  afterEach(() => rmSync(top, { recursive: true, force: true }));

  it("is had by one, who is named to others, and leaves neither file nor folder", async () => {
    const release = await onlyOne(path, "process 1");
    await assert.rejects(
      onlyOne(path, "process 2"),
      (error) => error instanceof Taken && error.message === "process 1",
    );
    assert.equal(readFileSync(path, "utf8"), "process 1\n");
    release();
    assert.equal(existsSync(join(top, "locks")), false);
    (await onlyOne(path, "process 3"))();
  });

  it("is had by one at a time, however many want it while its file comes and goes", async () => {
    let [inside, most, had] = [0, 0, 0];
    const worker = async (): Promise<void> => {
      for (let turn = 0; turn < 5; turn++) {
        const release = await onlyOne(path, "one of them", 20_000);
        most = Math.max(most, ++inside);
        had++;
        await pause(Math.random() * 5);
        inside--;
        release();
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    assert.deepEqual([most, had, existsSync(path)], [1, 40, false]);
  });

  it("goes with its holder, however that ends", async () => {
    const script = `const { onlyOne } = await import(process.argv[1]); await onlyOne(process.argv[2], "a child");
      console.log("had"); setInterval(() => undefined, 1000);`;
    const argv = ["--input-type=module", "-e", script, `${process.cwd()}/dist/lab/only-one.js`, path];
    const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    await assert.rejects(onlyOne(path, "us"), /^Taken: a child$/u);
    child.kill("SIGKILL");
    await once(child, "exit");
    (await onlyOne(path, "us"))();
    assert.equal(existsSync(path), false);
  });
});
