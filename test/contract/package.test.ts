import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, statSync, symlinkSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { useFolder } from "../agent/folder.ts";
import { contentOf, ownFiles } from "./repository.ts";

const run = promisify(execFile);
const packed = z.tuple([z.looseObject({ files: z.array(z.looseObject({ path: z.string() })) })]);
const manifest = z
  .looseObject({ files: z.array(z.string()), bin: z.record(z.string(), z.string()) })
  .parse(JSON.parse(contentOf("package.json")));

describe("contract: the long form", () => {
  it("is run by `npm run accept` wherever a test has one", () => {
    const { spec } = z
      .looseObject({ spec: z.array(z.string()) })
      .parse(JSON.parse(contentOf("test/accept/mocharc.json")));
    const long = ownFiles()
      .filter((file) => /^test\/(?!accept\/).*\.test\.ts$/u.test(file))
      .filter((file) => /from "[./]+accept\/length\.ts"/u.test(contentOf(file)));
    assert.ok(long.length > 5, "some are found");
    assert.deepEqual(
      long.filter((file) => !spec.includes(`dist/${file.replace(/ts$/u, "js")}`)),
      [],
    );
  });
});

describe("contract: the package", function () {
  this.timeout(30_000);
  const { path } = useFolder();

  it("holds what it promises, no tests, and runs from what it holds", async () => {
    const { stdout } = await run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"]);
    const files = packed.parse(JSON.parse(stdout))[0].files.map((file) => file.path);
    for (const promised of [...manifest.files.filter((name) => !name.startsWith("!")), ...Object.values(manifest.bin)])
      assert.ok(
        files.some((name) => name === promised || name.startsWith(`${promised}/`)),
        promised,
      );
    assert.deepEqual(
      files.filter((name) => /^dist\/test\/|\.map$|^test\/|\.tsbuildinfo$/u.test(name)),
      [],
    );
    for (const name of files) cpSync(name, join(path(), name));
    symlinkSync(resolve("node_modules"), join(path(), "node_modules"));
    for (const [name, script] of Object.entries(manifest.bin)) {
      const version = await run(process.execPath, [join(path(), script), "--version"], { cwd: "/" });
      assert.match(version.stdout, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+\\n$`, "u"));
      const help = await run(process.execPath, [join(path(), script), "help"], { cwd: "/" });
      assert.match(help.stdout, /^usage: overlaywatch COMMAND/u, "every command's imports are there");
    }
  });
});

describe("contract: texts", () => {
  const files = ownFiles();
  const texts = files.filter((file) => !file.includes("/cases/"));

  it("name no path of the machine that they were made on, and no registry", () => {
    const local = /(?<![\w}~.*$-])\/(?:work|home|Users|root)\/[\w.-]/u;
    const registry = /registry\.npm|registry-1\.|npmjs\.|pypi\.|deb\.debian\.|"resolved":/u;
    const here = [process.cwd(), homedir()].filter((folder) => folder.split("/").length > 2);
    const found = files.filter((file) => {
      const text = contentOf(file);
      return local.test(text) || here.some((folder) => text.includes(folder));
    });
    assert.deepEqual(found, []);
    const self = "test/contract/package.test.ts";
    assert.deepEqual(
      texts.filter((file) => file !== self && registry.test(contentOf(file))),
      [],
    );
  });

  it("of the shell are valid, may be run, and stop at the first error", async () => {
    const scripts = texts.filter((file) => /^#!\/bin\/(?:ba)?sh\b/u.test(contentOf(file).slice(0, 20)));
    assert.ok(scripts.length >= 4, scripts.join(" "));
    for (const script of scripts) {
      await run("bash", ["-n", script]);
      assert.match(contentOf(script), /^set -eu/mu, script);
      assert.notEqual(statSync(script).mode & 0o111, 0, `${script} may be run`);
    }
  });
});
