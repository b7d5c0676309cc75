import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { catalogue } from "../../agent/catalogue.ts";
import type { Collector } from "../../collectors/collector.ts";
import { collectors } from "../../collectors/registry.ts";

/** Of Datadog's closed list of units, those that can be of use here. */
const units: ReadonlySet<string> = new Set(
  `byte kibibyte mebibyte gibibyte bit percent fraction second millisecond microsecond nanosecond minute hour day container
  process thread core cpu file inode packet segment datagram connection request error event occurrence operation read write
  block sector item volume device host node service task job execution attempt timeout check message unit time fault`.split(
    /\s+/u,
  ),
);

const known: readonly Collector[] = collectors;

describe("contract: metrics", () => {
  for (const { name, type, unit, help, tags, orientation } of catalogue()) {
    it(name, () => {
      assert.match(`overlaywatch.${name}`, /^[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+$/u);
      assert.ok(`overlaywatch.${name}`.length <= 100);
      assert.ok(["count", "gauge"].includes(type));
      assert.ok(units.has(unit), `${unit} is no unit of Datadog's`);
      assert.match(help, /^[A-Z][ -{}~]{0,398}\.$/u, "one ASCII sentence without a bar");
      assert.ok([-1, 0, 1].includes(orientation));
      for (const tag of tags) assert.match(tag, /^[a-z][a-z0-9_]*$/u);
      assert.equal(new Set(tags).size, tags.length);
    });
  }

  it("have one name each", () => {
    const names = catalogue().map(({ name }) => name);
    assert.deepEqual(names, [...new Set(names)]);
  });
});

describe("contract: collectors", () => {
  it("are the folders under collectors/, in order, each with a README", () => {
    const folders = readdirSync("collectors", { withFileTypes: true }).filter((entry) => entry.isDirectory());
    assert.deepEqual(
      known.map(({ name }) => name),
      folders.map(({ name }) => name).toSorted(),
    );
    for (const { name } of known) {
      for (const path of ["collector.ts", "README.md"]) assert.ok(existsSync(join("collectors", name, path)), path);
    }
  });

  it("have a sentence, and run on an empty section", () => {
    for (const { summary, create } of known) {
      assert.match(summary, /^[A-Z].*\.$/u);
      assert.equal(typeof create({}), "function");
      assert.throws(() => create({ unknown: 1 }));
    }
  });
});

describe("contract: generated files", () => {
  it("are fresh", async function () {
    this.timeout(20_000);
    const { stdout } = await promisify(execFile)(process.execPath, ["dist/scripts/generate.js", "--check"]).catch(
      (error: { stdout: string }) => error,
    );
    assert.equal(stdout, "");
  });
});
