import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writtenIn } from "./written.ts";

const place = "/usr/lib/overlaywatch";
const onPath = "/usr/local/bin/overlaywatch";

/** What a page has the reader type about those two. */
const stepsOf = (file: string): readonly string[] =>
  writtenIn(file)
    .map(({ command }) => command)
    .filter((command) => command.includes(place) || command.includes(onPath));

describe("docs: the program is put where the units and the shell find it", function () {
  this.timeout(60_000);
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "docs-install-"));
    for (const folder of ["usr/lib", "usr/local/bin"]) mkdirSync(join(root, folder), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  /** As the reader does it, but below a folder of the test's; node_modules are large: a link will do. */
  function type(command: string): string {
    const below = command.replaceAll(/\/usr\/l(?:ib|ocal)\//gu, (path) => root + path);
    const line = below.replace(/^(cp .*)node_modules (.*) (\S+)$/u, '$1$2 $3 && ln -s "$PWD/node_modules" $3');
    const env = { PATH: `${join(root, "usr/local/bin")}:${process.env["PATH"]}` };
    const { status, stdout, stderr } = spawnSync("/bin/sh", ["-euc", line], { env, encoding: "utf8" });
    assert.equal(status, 0, `${line}: ${stderr}`);
    return stdout;
  }

  for (const [file, count] of [
    ["docs/systemd.md", 3],
    ["docs/install.md", 5],
  ] as const)
    it(`by the steps of ${file}: there is an overlaywatch, and every unit's program`, () => {
      const steps = stepsOf(file);
      assert.equal(steps.length, count, steps.join("\n"));
      for (const step of steps.slice(0, 3)) type(step);
      assert.match(type("overlaywatch --version"), /^overlaywatch \d+\./u);
      assert.match(type("overlaywatch help doctor"), /^usage: overlaywatch doctor/u);
      const folder = "assets/systemd";
      const units = readdirSync(folder).filter((name) => name.endsWith(".service"));
      const started = units.map((unit) => /^ExecStart=\S+ (\S+)/mu.exec(readFileSync(join(folder, unit), "utf8"))?.[1]);
      assert.ok(started.length >= 4);
      for (const program of started) assert.ok(program?.startsWith(place) && existsSync(root + program), program);
      for (const step of steps.slice(3)) type(step);
      if (count === 3) return;
      assert.equal(existsSync(root + place), false);
      assert.equal(lstatSync(root + onPath, { throwIfNoEntry: false }), undefined);
    });
});
