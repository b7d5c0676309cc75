import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../lab/process.ts";
import { useFolder } from "../agent/folder.ts";

const files = {
  "a.test.js": `describe("first", () => { it("fails", () => { throw new Error("one"); }); it("holds", () => console.log("said\\u001E")); });`,
  "b.test.js": `describe("second", () => { it("dies", () => process.kill(process.pid, "SIGKILL")); });`,
  "c.test.js": `import "./nothing.js";`,
  "d.test.js": `describe("fourth", () => { it.only("alone", () => {}); });`,
  "e.test.js": `describe("lab, fifth", () => { let n = 0; it("at last", () => { if (n++ === 0) throw new Error("two"); }); it.skip("later", () => {}); });`,
  "f.test.js": `describe("sixth", () => { it("lets go", () => { void Promise.reject(new Error("three")); }); it("waits", (done) => setTimeout(done, 100)); });`,
  "g.js": `describe("no test", () => { it("is not run", () => {}); });`,
};

describe("lanes of tests", function () {
  this.timeout(30_000);
  const { path } = useFolder();
  const lanes = async (names: readonly (keyof typeof files)[], count: string) => {
    for (const name of names) writeFileSync(join(path(), name), files[name]);
    const { code, stdout } = await run([process.execPath, "dist/test/lanes/main.js", path()], {
      env: { ...process.env, OVERLAYWATCH_LANES: count },
    });
    return { code, stdout, last: stdout.trim().split("\n").at(-1) };
  };

  it("count a failure, a file that can not be loaded, one that is run alone, a process that dies, and what nobody caught", async () => {
    const { code, stdout, last } = await lanes(
      ["a.test.js", "b.test.js", "c.test.js", "d.test.js", "f.test.js", "g.js"],
      "2",
    );
    assert.deepEqual([code, last], [1, "2 passed, 5 failed"], stdout);
    assert.match(stdout, /b\.test\.js: its process ended by SIGKILL before its tests did/u);
    assert.match(stdout, /c\.test\.js can not be loaded: Error .*nothing\.js/u);
    assert.match(stdout, /d\.test\.js can not be loaded: Error: `\.only` forbidden/u);
    assert.match(stdout, /longest: [^]*Uncaught Error: three|Uncaught Error: three[^]*longest: /u);
  });

  it("print what a file says as one, and what went wrong once more at the end", async () => {
    const { stdout } = await lanes(["a.test.js", "e.test.js"], "2");
    assert.match(stdout, / {2}first\n {4}1\) fails\nsaid.\n {4}✔ holds\n[^]*1\) first\n +fails:\n +Error: one/u);
    assert.match(stdout, /1 tried again:\n {2}lab, fifth at last\n {4}Error: two/u);
  });

  it("end well where all went well, with what was left out", async () => {
    const { code, last, stdout } = await lanes(["e.test.js"], "1");
    assert.deepEqual([code, last], [0, "1 passed, 0 failed, 1 skipped"], stdout);
    assert.doesNotMatch(stdout, /passing/u);
  });

  it("do not take a run of nothing for a good one", async () => {
    const { code, last } = await lanes(["g.js"], "1");
    assert.deepEqual([code, last], [1, "0 passed, 0 failed"]);
  });
});
