import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keptFiles, readWhole } from "../../host/kernel-files.ts";

const descriptors = (): number => readdirSync("/proc/self/fd").length;

describe("host/kernel-files", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "overlaywatch-kernel-files-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("shows what a file says now, longer, shorter or empty, also beyond one buffer", () => {
    const files = keptFiles(folder);
    const file = join(folder, "counters");
    for (const text of ["one\n", "one and two\n", "", "x".repeat(300_000), "ü\n", "short\n"]) {
      writeFileSync(file, text);
      assert.equal(files.text("counters"), text);
      assert.equal(files.text("counters"), text, "again");
      assert.equal(readWhole(file), text);
    }
    appendFileSync(file, "more\n");
    assert.equal(files.text("counters"), "short\nmore\n");
    files.close();
  });

  it("opens a file once, lets go of it when closed, and opens it again after that", () => {
    writeFileSync(join(folder, "a"), "1");
    const before = descriptors();
    const files = keptFiles(folder);
    for (let i = 0; i < 10; i++) files.text("a");
    assert.equal(descriptors(), before + 1);
    files.close();
    files.close();
    assert.equal(descriptors(), before);
    assert.equal(files.text("a"), "1");
    files.close();
    assert.equal(descriptors(), before);
  });

  it("keeps four hundred open at most, reads the others all the same, and makes room when some are closed", () => {
    const before = descriptors();
    const [one, other] = [keptFiles(folder), keptFiles(folder)];
    for (let i = 0; i < 600; i++) writeFileSync(join(folder, String(i)), `file ${i}`);
    for (let i = 0; i < 600; i++) assert.equal(one.text(String(i)), `file ${i}`);
    const kept = descriptors() - before;
    assert.ok(kept > 350 && kept <= 400, `${kept} are open`);
    one.close();
    other.text("1");
    assert.equal(descriptors(), before + 1);
    other.close();
    assert.equal(descriptors(), before);
  });

  it("keeps nothing of what is not there", () => {
    const before = descriptors();
    const files = keptFiles(folder);
    assert.throws(() => files.text("missing"), { code: "ENOENT" });
    assert.throws(() => files.text("."), { code: "EISDIR" });
    assert.equal(descriptors(), before);
  });
});
