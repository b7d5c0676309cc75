import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BadJournal, decodeLines, encodeLine, jobJournal } from "../../../dispatch/worker/journal.ts";
import { begun } from "../../../dispatch/worker/machine.ts";
import type { JobRecord } from "../../../dispatch/worker/record.ts";
import { type LogFile, openLogFile } from "../../../host/log-file.ts";
import { recordOf } from "./made.ts";

describe("dispatch/worker/journal", () => {
  let folder = "";
  const path = (): string => join(folder, "jobs.jsonl");
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ow-journal-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function reopened(): Promise<{ readonly records: Map<string, JobRecord>; readonly torn: number }> {
    const { file, lines, torn } = await openLogFile(path(), 0o600);
    await file.close();
    return { records: decodeLines(lines, path()), torn };
  }

  it("gives back the last record of each job", async () => {
    const { file } = await openLogFile(path(), 0o600);
    const journal = jobJournal(file, () => [], 0);
    const [a, b] = [recordOf("a", 1), recordOf("b", 2)];
    await Promise.all([a, b, begun(a, "heal", 3)].map(journal.keep));
    await journal.close();
    const { records } = await reopened();
    assert.deepEqual([...records.values()], [begun(a, "heal", 3), b]);
    assert.equal(statSync(path()).mode & 0o777, 0o600);
  });

  it("gives back any text: line separators, quotes, half a pair of surrogates, control characters", async () => {
    const odd = ["a\u2028b\u2029c", 'q"\\\n\t\u0000', "\ud800", "\u0085 \ufeff"];
    for (const text of odd) {
      const record = { ...recordOf("a", 1), message: text };
      const line = encodeLine(record);
      assert.deepEqual([...decodeLines([line], "x").values()], [record], JSON.stringify(text));
      assert.ok(!line.includes("\n"));
    }
  });

  it("promises nothing before it is on the disk: the sync comes between the write and the promise", async () => {
    const steps: string[] = [];
    const step = (name: string) => async (): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve));
      steps.push(name);
    };
    const file: LogFile = { write: step("write"), sync: step("sync"), replace: step("replace"), close: step("close") };
    const journal = jobJournal(file, () => [], 0);
    await journal.keep(recordOf("a", 1)).then(() => steps.push("promised"));
    assert.deepEqual(steps, ["write", "sync", "promised"]);
  });

  it("syncs once for many: 2000 jobs in a few syncs", async () => {
    let syncs = 0;
    const { file } = await openLogFile(path(), 0o600);
    const counting: LogFile = { ...file, sync: async () => void (await file.sync(), syncs++) };
    const journal = jobJournal(counting, () => [], 0);
    const began = performance.now();
    for (let n = 0; n < 10; n++)
      await Promise.all(Array.from({ length: 200 }, async (_, at) => journal.keep(recordOf(`${n} ${at}`, 1))));
    const ms = performance.now() - began;
    await journal.close();
    assert.ok(syncs <= 20, `${syncs} syncs`);
    assert.equal((await reopened()).records.size, 2000);
    assert.ok(ms < 10_000, `2000 jobs took ${ms} ms`);
  });

  it("is broken for good once a write failed: what is on the disk is not known then", async () => {
    const { file } = await openLogFile(path(), 0o600);
    let isFull = true;
    const full: LogFile = {
      ...file,
      sync: async () => (isFull ? Promise.reject(new Error("no space left")) : file.sync()),
    };
    const journal = jobJournal(full, () => [], 0);
    await assert.rejects(journal.keep(recordOf("a", 1)), /no space left/u);
    isFull = false;
    await assert.rejects(journal.keep(recordOf("b", 1)), /no space left/u);
    await journal.close();
  });

  it("cuts off half a line, at whatever byte it ends, and loses nothing that was promised", async () => {
    const [first, second] = [recordOf("a", 1), recordOf("b", 2)];
    const whole = Buffer.from(`${encodeLine(first)}\n${encodeLine(second)}\n`);
    const start = Buffer.byteLength(encodeLine(first)) + 1;
    for (let end = start; end < whole.length; end++) {
      writeFileSync(path(), whole.subarray(0, end));
      const { records, torn } = await reopened();
      assert.deepEqual([...records.keys()], [first.job.id]);
      assert.equal(torn, end - start);
      assert.equal(readFileSync(path(), "utf8"), `${encodeLine(first)}\n`);
    }
  });

  it("refuses any other damage by the line's number: a byte changed anywhere, a line that is none, another version", () => {
    const lines = [encodeLine(recordOf("a", 1)), encodeLine(recordOf("b", 2)), encodeLine(recordOf("c", 3))];
    const bad = lines[1] ?? "";
    const refused = (line: string): void =>
      assert.throws(
        () => decodeLines([lines[0] ?? "", line, lines[2] ?? ""], "/state/jobs"),
        (error) => error instanceof BadJournal && error.message.startsWith("/state/jobs, line 2: "),
        line,
      );
    for (let at = 0; at < bad.length; at++) refused(`${bad.slice(0, at)}\u007F${bad.slice(at + 1)}`);
    for (const line of ["", "{}", bad.slice(0, -1), `${bad} `, bad.replace('"v":1', '"v":2')]) refused(line);
    assert.equal(decodeLines(lines, "/state/jobs").size, 3);
  });

  it("is written anew when it has many bytes, however few its lines are", async () => {
    const { file } = await openLogFile(path(), 0o600);
    const live = [{ ...recordOf("a", 1), message: "m".repeat(16_000) }];
    const journal = jobJournal(file, () => live, 0);
    for (let n = 0; n < 1100; n += 100)
      await Promise.all(Array.from({ length: 100 }, async () => journal.keep(live[0] ?? recordOf("a", 1))));
    await journal.close();
    assert.ok(statSync(path()).size < 16 * 1024 * 1024, `${statSync(path()).size} bytes`);
    assert.equal(decodeLines(readFileSync(path(), "utf8").trimEnd().split("\n"), path()).size, 1);
  });

  it("is written anew when most of it is of no use any more, and keeps what is", async () => {
    const { file } = await openLogFile(path(), 0o600);
    const live = recordOf("live", 1);
    const journal = jobJournal(file, () => [live], 0);
    for (let n = 0; n < 6; n++)
      await Promise.all(Array.from({ length: 1000 }, async () => journal.keep(begun(live, "look", n))));
    await journal.keep(live);
    await journal.close();
    const lines = readFileSync(path(), "utf8").split("\n").length;
    assert.ok(lines < 3100, `${lines} lines of 6001`);
    assert.deepEqual([...(await reopened()).records.values()], [live]);
  });
});
